"""azurite, the emulator of Azure's blob storage; its data are on disk."""

from __future__ import annotations

from typing import Any

from tests.servers.kind import HOST, NODE_MODULES, Kind
from tests.servers.s3 import why_missing_from_npm

__all__ = ["Azurite"]

_ACCOUNT = "devstoreaccount1"  # the account that every azurite has, and its published key
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Azurite(Kind):
    """Azure's blobs, with the container `filesaver`."""

    name = "azurite"

    @classmethod
    def why_missing(cls) -> str | None:
        return why_missing_from_npm("azurite-blob")

    def up(self) -> None:
        program = str(NODE_MODULES / ".bin" / "azurite-blob")
        # It would send telemetry out of the machine, and refuse the API version of a client newer than itself.
        quiet = ("--silent", "--disableTelemetry", "--skipApiVersionCheck")
        where = ("--blobHost", HOST, "--blobPort", str(self.port), "--location", str(self.folder))
        self.wait_for_port(self.run("node", program, *where, *quiet))

    def down(self) -> None:
        for program in self.programs:
            program.finish()  # its index is written every few seconds, and at a proper end
        super().down()

    @property
    def url(self) -> str:
        return "az://filesaver"

    @property
    def storage_options(self) -> dict[str, Any]:
        parts = {
            "DefaultEndpointsProtocol": "http",
            "AccountName": _ACCOUNT,
            "AccountKey": _KEY,
            "BlobEndpoint": f"{self.endpoint}/{_ACCOUNT}",
        }
        return {"connection_string": ";".join(f"{name}={value}" for name, value in parts.items())}
