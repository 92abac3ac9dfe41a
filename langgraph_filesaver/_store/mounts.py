"""Which kind of file system a path lies on, for what may be relied on there."""

from __future__ import annotations

import os

__all__ = ["file_system_of", "has_journal"]


def file_system_of(path: str) -> str:
    """Return the type of the mount that `path` lies on ("ext4", "nfs4", …), or "" where it is unknown.

    Source: /proc/self/mountinfo, proc_pid_mountinfo(5). The longest mount point above the path counts: device numbers do
    not serve, for btrfs gives each subvolume its own.
    """
    real_path = os.path.realpath(path)
    longest, kind = "", ""
    try:
        with open("/proc/self/mountinfo", encoding="latin-1") as mounts:
            for line in mounts:
                before, _, after = line.partition(" - ")
                point = os.fsdecode(before.split(" ")[4].encode("latin-1").decode("unicode_escape").encode("latin-1"))
                inside = real_path == point or real_path.startswith(point.rstrip("/") + "/")
                if inside and len(point) >= len(longest):  # a later line covers an earlier one on the same point
                    longest, kind = point, after.split(" ", 1)[0]
    except FileNotFoundError:  # no Linux, or a container without /proc
        return ""
    return kind


def has_journal(path: str) -> bool:
    """Tell whether it is known that the ext4 which `path` lies on, or will lie on, has a journal.

    Source: /sys/fs/ext4/<device>/journal_task, the pid of the journal's thread or "<none>".
    """
    while not os.path.exists(path):
        path = os.path.dirname(path)
    device = os.stat(path).st_dev
    name = os.path.basename(os.path.realpath(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"))
    try:
        with open(f"/sys/fs/ext4/{name}/journal_task", encoding="ascii") as task:
            return task.read().strip().isdigit()
    except FileNotFoundError:  # an older kernel, or a container without /sys: the careful way is always right
        return False
