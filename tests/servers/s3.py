"""What the servers that speak S3 have in common, and the two that are one program: moto, and one that lies.

- moto checks conditions as S3 does, one request after another (`serial_moto`), in memory: a restart loses its data.
- s3rver ignores `If-None-Match` and `If-Match` without a word, as several S3-alikes do: every exclusive create succeeds.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from typing import Any, ClassVar

from tests.servers.kind import HOST, NODE_MODULES, Kind

__all__ = ["S3", "Liar", "Moto"]


class S3(Kind):
    """A server that speaks S3, with the bucket `filesaver`."""

    key: ClassVar[str]
    secret: ClassVar[str]

    @property
    def url(self) -> str:
        return "s3://filesaver"

    @property
    def storage_options(self) -> dict[str, Any]:
        return {"key": self.key, "secret": self.secret, "client_kwargs": {"endpoint_url": self.endpoint}}


class Moto(S3):
    """The emulator moto, which checks all conditions."""

    name = "moto"
    keeps_data = False
    key = "testkey"
    secret = "testsecret"

    @classmethod
    def why_missing(cls) -> str | None:
        missing = [module for module in ("moto", "flask") if importlib.util.find_spec(module) is None]
        return "moto[server] is not installed; the extra [test] brings it" if missing else None

    def up(self) -> None:
        self.wait_for_port(self.run(sys.executable, "-m", "tests.servers.serial_moto", HOST, str(self.port)))


class Liar(S3):
    """s3rver: says yes to every conditional write."""

    name = "liar"
    key = "S3RVER"
    secret = "S3RVER"

    @classmethod
    def why_missing(cls) -> str | None:
        return why_missing_from_npm("s3rver")

    def up(self) -> None:
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        program = str(NODE_MODULES / ".bin" / "s3rver")
        self.wait_for_port(self.run("node", program, "-d", str(data), "-a", HOST, "-p", str(self.port)))


def why_missing_from_npm(program: str) -> str | None:
    """Say what is missing for a server that comes from npm."""
    if shutil.which("node") is None:
        return f"{program} needs node; `make servers` installs both"
    if not (NODE_MODULES / ".bin" / program).exists():
        return f"{program} is not in {NODE_MODULES}; `make servers` installs it"
    return None
