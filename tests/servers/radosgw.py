"""Ceph's radosgw: a real S3 with a monitor and one OSD that keeps its data in memory.

`down` and `up` concern the gateway alone, as where a gateway of a cluster is restarted: the data stay in the cluster.
"""

from __future__ import annotations

import shutil
import subprocess
import urllib.request
import uuid
from pathlib import Path

from tests.servers.kind import HOST, free_port, until
from tests.servers.program import Program
from tests.servers.s3 import S3

__all__ = ["RadosGateway"]

_PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")

# Without tcp_nodelay every GET costs 44 ms; without ms_mon_client_mode=crc the gateway never connects to the monitor.
_SETTINGS = """\
[global]
fsid = {fsid}
mon_host = v2:{host}:{monitor_port}
public_addr = {host}
cluster_addr = {host}
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = {folder}
admin_socket = {folder}/$name.asok
log_file = {folder}/$name.ceph.log
pid_file = {folder}/$name.pid
keyring = {folder}/keyring
crash_dir = {folder}
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
ms_bind_ipv6 = false
[mon]
mon_data = {folder}/mon
mon_election_timeout = 1
paxos_propose_interval = 0.05
mon_data_avail_crit = 0
mon_data_avail_warn = 0
[osd]
osd_data = {folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_memory_target = 939524096
osd_class_load_list = *
osd_class_default_list = *
osd_mclock_override_recovery_settings = false
[client.rgw]
rgw_frontends = beast endpoint={host}:{port} tcp_nodelay=1
rgw_thread_pool_size = 32
rgw_data = {folder}/rgw
rgw_dns_name = localhost
rgw_enable_usage_log = false
rgw_enable_ops_log = false
rgw_gc_obj_min_wait = 5
rgw_gc_processor_period = 5
rgw_gc_processor_max_time = 5
ms_mon_client_mode = crc
debug_rgw = 0
debug_ms = 0
"""


class RadosGateway(S3):
    """A Ceph cluster of one monitor and one OSD, and its S3 gateway."""

    name = "radosgw"
    key = "testkey"
    secret = "testsecret"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._cluster: list[Program] = []
        self._env = {"CEPH_CONF": str(folder / "ceph.conf")}

    @classmethod
    def why_missing(cls) -> str | None:
        missing = [program for program in _PROGRAMS if shutil.which(program) is None]
        return (
            f"the programs {', '.join(missing)} of Ceph are missing; `make servers` installs them" if missing else None
        )

    def prepare(self) -> None:
        fsid, osd, monitor_port = str(uuid.uuid4()), str(uuid.uuid4()), free_port()
        for name in ("mon", "osd", "rgw"):
            (self.folder / name).mkdir()
        (self.folder / "keyring").touch()
        settings = _SETTINGS.format(fsid=fsid, host=HOST, folder=self.folder, port=self.port, monitor_port=monitor_port)
        (self.folder / "ceph.conf").write_text(settings)
        monitors = str(self.folder / "monmap")
        self._call("monmaptool", "--create", "--addv", "a", f"[v2:{HOST}:{monitor_port}]", "--fsid", fsid, monitors)
        self._call("ceph-mon", "-i", "a", "--mkfs", "--monmap", monitors)
        self._cluster.append(self.run("ceph-mon", "-f", "-i", "a", env=self._env))
        self._call("ceph", "osd", "new", osd, "0")
        self._call("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._cluster.append(self.run("ceph-osd", "-f", "-i", "0", env=self._env))
        self.programs.clear()
        self._start_gateway()
        self._call(
            "radosgw-admin", "-n", "client.rgw", "user", "create", "--uid=test", "--display-name=test",
            f"--access-key={self.key}", f"--secret-key={self.secret}",
        )  # fmt: skip

    def up(self) -> None:
        if not self.programs:
            self._start_gateway()

    def end(self) -> None:
        super().end()
        for program in reversed(self._cluster):
            program.kill()

    def _start_gateway(self) -> None:
        gateway = self.run("radosgw", "-f", "-n", "client.rgw", env=self._env)
        until(self._healthy, gateway.log, gateway)

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/swift/healthcheck", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _call(self, *command: str) -> None:
        """Run one of Ceph's tools to its end; what it says is in the folder."""
        with (self.folder / "tools.log").open("ab") as log:
            subprocess.run(
                [*command, "-c", str(self.folder / "ceph.conf")] if command[0] != "monmaptool" else command,
                check=True, timeout=60, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
