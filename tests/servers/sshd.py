"""OpenSSH's sshd, for SFTP: it serves a folder of this machine to whoever has the key."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from typing import Any

from tests.servers.kind import HOST, Kind

__all__ = ["Sshd"]

_SETTINGS = """\
ListenAddress {host}
Port {port}
HostKey {folder}/host_key
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/client_key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 200:30:400
MaxSessions 100
Subsystem sftp internal-sftp
"""


class Sshd(Kind):
    """An SFTP server for the user who runs the tests."""

    name = "sshd"

    @classmethod
    def why_missing(cls) -> str | None:
        if _sshd() is None or shutil.which("ssh-keygen") is None:
            return "sshd or ssh-keygen is missing; `make servers` installs openssh-server"
        if os.getuid() == 0 and not os.path.isdir("/run/sshd"):
            return "the folder /run/sshd is missing; `make servers` makes it"
        return None

    def prepare(self) -> None:
        for key in ("host_key", "client_key"):
            command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / key))
            subprocess.run(command, check=True, timeout=30, stdin=subprocess.DEVNULL)
        settings = _SETTINGS.format(host=HOST, port=self.port, folder=self.folder)
        (self.folder / "sshd_config").write_text(settings)

    def up(self) -> None:
        program = _sshd()
        assert program is not None
        self.wait_for_port(self.run(program, "-D", "-e", "-f", str(self.folder / "sshd_config")))

    @property
    def endpoint(self) -> str | None:
        return None

    @property
    def url(self) -> str:
        return f"sftp://{self.folder}/data"

    @property
    def storage_options(self) -> dict[str, Any]:
        return {
            "host": HOST,
            "port": self.port,
            "username": getpass.getuser(),
            "key_filename": str(self.folder / "client_key"),
            "look_for_keys": False,
            "allow_agent": False,
        }


def _sshd() -> str | None:
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
