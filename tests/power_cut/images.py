"""Disk images in files, mounted through loop devices, and instant snapshots of them.

The images lie on a btrfs of their own, where `cp --reflink=always` copies a file in one step under its lock: what the
loop device had been given until then is in the copy, as after a power cut; nothing later is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class FileSystem:
    """How to make and mount a file system.

    Attributes:
        make: The command that makes it, less the path of the image.
        options: Mount options beside `loop`.
        repair: The command to run on an image before it can be mounted after a power cut, or none.
        grow_only: Whether it survives power cuts only as long as no block is freed: without a journal, a freed block may
            be given to another file before the disk knows that it was freed, and then belongs to both.
    """

    make: tuple[str, ...]
    options: str = ""
    repair: tuple[str, ...] = ()
    grow_only: bool = False


FILE_SYSTEMS = {
    "ext4": FileSystem(("mkfs.ext4", "-q", "-F")),
    "xfs": FileSystem(("mkfs.xfs", "-q", "-f"), options=",nouuid"),
    "btrfs": FileSystem(("mkfs.btrfs", "-q", "-f")),
    "ext4 without journal": FileSystem(
        ("mkfs.ext4", "-q", "-F", "-O", "^has_journal"), repair=("e2fsck", "-fy"), grow_only=True
    ),
}


def missing_prerequisites() -> str:
    """Tell in words why no image can be mounted here, or return "" where all is there."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mounting disk images takes root on Linux"
    programs = ("mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "e2fsck", "mount", "umount", "losetup")
    absent = [program for program in programs if shutil.which(program) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (`make servers` installs them on Debian)"
    known = Path("/proc/filesystems").read_text(encoding="ascii")
    absent = [name for name in ("ext4", "xfs", "btrfs") if f"\t{name}\n" not in known]
    return f"this kernel has no {', '.join(absent)}" if absent else ""


def run(*command: str) -> None:
    """Run a command; its output is in the error if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0 and not (command[0] == "e2fsck" and done.returncode < 4):  # 1 and 2: errors corrected
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {done.stdout}{done.stderr}")


@contextmanager
def mounted(image: Path, point: Path, options: str = "") -> Iterator[Path]:
    """Mount an image as long as the block runs; the loop device goes with the mount."""
    point.mkdir(exist_ok=True)
    run("mount", "-o", f"loop{options}", str(image), str(point))
    try:
        yield point
    finally:
        try:
            run("umount", str(point))
        except RuntimeError:  # something keeps a file open: say so, but leave nothing mounted
            run("umount", "--lazy", str(point))
            raise
        point.rmdir()


def make_image(path: Path, make: tuple[str, ...], mebibytes: int) -> None:
    """Make a file system in a sparse file."""
    with path.open("wb") as file:
        file.truncate(mebibytes * MEBIBYTE)
    run(*make, str(path))


def snapshot(image: Path, copy: Path) -> None:
    """Copy an image in one instant."""
    run("cp", "--reflink=always", str(image), str(copy))


@contextmanager
def after_power_cut(image: Path, point: Path, kind: FileSystem) -> Iterator[Path]:
    """Mount a snapshot as the machine would at its next start, and remove it in the end."""
    if kind.repair:
        run(*kind.repair, str(image))
    with mounted(image, point, kind.options) as disk:
        yield disk
    image.unlink()
