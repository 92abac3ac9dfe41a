"""Keys, and sealing bytes with them; pure, and the only place that imports `cryptography` (extra `crypt`), where it is used."""

from langgraph_filesaver._crypt.keys import (
    ENVIRONMENT_VARIABLE,
    Encryption,
    EncryptionKey,
    KeyProvider,
    Keyring,
    provider_of,
)

__all__ = ["ENVIRONMENT_VARIABLE", "Encryption", "EncryptionKey", "KeyProvider", "Keyring", "provider_of"]
