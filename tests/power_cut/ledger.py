"""What must be on the disk after a power cut, and what must not, by what the writers have told.

A power cut is an interval: the snapshot was taken somewhere between `begun` and `ended`. What was acknowledged before
`begun` must be there. A removal that was told to begin before `ended` may have happened, wholly or in part; one that was
acknowledged before `begun` has happened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from langgraph_filesaver import CorruptDataError, FileSaver
from tests.checkpoints import config_of, id_of
from tests.power_cut.writer import text_of

__all__ = ["Findings", "Ledger"]

Address = tuple[str, str, str]
"""(thread_id, checkpoint_id, task_id or "" for the checkpoint itself)"""


@dataclass
class Findings:
    """What was found after power cuts.

    Attributes:
        checked: Acknowledged checkpoints and writes that were looked for, and removed checkpoints.
        lost: Acknowledged, and not there or not as they were acknowledged.
        torn: Under their name, and not whole.
        resurrected: Acknowledged as removed, and there again.
    """

    checked: int = 0
    lost: int = 0
    torn: int = 0
    resurrected: int = 0

    @property
    def wrong(self) -> tuple[int, int, int]:
        return (self.lost, self.torn, self.resurrected)

    def add(self, other: Findings) -> None:
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Ledger:
    """What one power cut may and may not have left.

    Attributes:
        must: What has to be there, with the number it holds at least (a replacement may have come later).
        gone: (thread, checkpoint) that has to be gone; an id that was removed is never put again.
    """

    must: dict[Address, int] = field(default_factory=dict)
    gone: set[tuple[str, str]] = field(default_factory=set)
    _known: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def at(cls, lines: Iterable[dict[str, Any]], begun: float, ended: float) -> Ledger:
        """Read what the writers told until a cut; the lines of one thread are in order."""
        ledger = cls()
        for line in lines:
            if line["at"] < ended:
                ledger._hear(line, certain=line["at"] < begun)
        return ledger

    def _hear(self, line: dict[str, Any], *, certain: bool) -> None:
        kind, thread_id, checkpoint_id = line["kind"], line["thread"], line.get("checkpoint", "")
        known = self._known[thread_id]
        if kind in {"put", "wrote"}:
            if checkpoint_id not in known:
                known.append(checkpoint_id)
            if certain:
                self.must[thread_id, checkpoint_id, line.get("task", "")] = line["number"]
        elif kind in {"pruning", "deleting"}:
            stays = known[-1] if kind == "pruning" else None
            self.must = {
                address: number
                for address, number in self.must.items()
                if address[0] != thread_id or address[1] == stays
            }
        elif kind in {"pruned", "deleted"}:
            removed = known[:-1] if kind == "pruned" else known[:]
            if certain:
                self.gone |= {(thread_id, each) for each in removed}
            del known[: len(removed)]

    def check(self, saver: FileSaver) -> Findings:
        """Read everything and compare."""
        findings, there = Findings(), {}
        for thread_id in {address[0] for address in self.must} | {each[0] for each in self.gone}:
            try:
                for found in saver.list(config_of(thread_id, None)):
                    there[thread_id, id_of(found.config)] = found
            except CorruptDataError:
                findings.torn += 1
        for (thread_id, checkpoint_id, task_id), number in self.must.items():
            findings.checked += 1
            stored = there.get((thread_id, checkpoint_id))
            if stored is None:
                findings.lost += 1
            elif task_id:
                written = [value for task, _, value in stored.pending_writes or () if task == task_id]
                findings.lost += written != [text_of(number)]
            else:
                state = stored.checkpoint["channel_values"]
                findings.lost += state["number"] < number or state["text"] != text_of(state["number"])
        findings.checked += len(self.gone)
        findings.resurrected = len(self.gone & there.keys())
        return findings
