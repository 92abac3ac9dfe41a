"""Where a thread stands, told by its files alone: what is next, what has finished, who waits for an answer, what failed.

Knows what tasks write and under which ids (langgraph 1.2: `pregel/_task_status.py`, `_runner.py`, `_loop.py`); which
tasks there are is `_tasks`' matter. Knows no store and no code of the graph. It agrees with LangGraph's `get_state`:

- A task that has written anything but an error, an interrupt or a resume has finished. All others are next.
- The latest question of a task that has not finished waits for an answer. LangGraph says so until the task has finished; here
  it counts as answered as soon as the files prove that an answer is stored. Where they do not, it is told as unanswered.
- Answers and updates that came with a Command (writes of the null task) decide nothing about what is next.
- A task that a Command started, and the handler of a node's errors, are not among the tasks of the checkpoint, and LangGraph's
  `get_state` is silent about them; their questions and failures are told here.

What cannot be known is None, never a guess; see `_tasks`. Besides what is said there: who finished is not known where an
`update_state` wrote under an id that may be that of a task with a join that nobody has reached yet.

What would break it: taking a task's path for its id where Sends were replaced, or the ids that exit durability makes up for those of tasks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID, uuid5

from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME
from xxhash import xxh3_128_hexdigest

from langgraph_filesaver._calls import PendingWrite
from langgraph_filesaver._documents import CheckpointDocument
from langgraph_filesaver._layout import WritesName
from langgraph_filesaver.inspection._tasks import (
    PULL,
    Plain,
    Task,
    is_opaque,
    items_of,
    namespace_of,
    step_after,
    tasks_of,
)

__all__ = ["Failure", "Interruption", "Progress", "nodes_of", "progress_of", "status_of"]

_NULL_TASK = "00000000-0000-0000-0000-000000000000"
_CONTROL = frozenset((ERROR, "__error_source_node__", INTERRUPT, RESUME))
_INTERRUPT = "langgraph.types.Interrupt"
_PULLED = f"~{PULL}, "
_HANDLER = re.compile(r", node_error_handler, \d{10}$")
_CALL = re.compile(rf"(?:~__pregel_push, )+~{PULL}, (.+?)(?:, \d{{10}}, 0000000001)+")
_UPDATED = re.compile(r"(?:~__interrupt__, (\d{10}))?")
_MOST_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Interruption:
    """A question that a task asked and nobody has answered.

    Attributes:
        id: What an answer to it is given by (`Command(resume={id: …})`), or None where another serde hides it.
        node: The node that asked; None where it is not known.
        value: The question, as plain JSON.
    """

    id: str | None
    node: str | None
    value: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that ended a task.

    Attributes:
        node: The node that failed; None where it is not known.
        error: The error, as text.
    """

    node: str | None
    error: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a thread stands at a checkpoint.

    Attributes:
        next: The nodes that are to run, once for each task, ascending: what `get_state` gives as `next` while the checkpoint is
            the latest. None if that is not known.
        finished: The nodes of those tasks of this checkpoint that have finished, ascending, as far as they are known.
        interruptions: What waits for an answer.
        failures: What failed.
        tasks: The nodes of all tasks of this checkpoint, ascending: what `get_state` gives as `next` for the checkpoint's id.
            None if that is not known.
    """

    next: tuple[str, ...] | None
    finished: tuple[str, ...]
    interruptions: tuple[Interruption, ...]
    failures: tuple[Failure, ...]
    tasks: tuple[str, ...] | None


def progress_of(document: CheckpointDocument, writes: Sequence[PendingWrite], plain: Plain) -> Progress:
    """Return where a thread stands at a checkpoint.

    Args:
        document: The checkpoint.
        writes: Its pending writes, in order.
        plain: Gives a parsed value with its references replaced by what they stand for; never an error for our own values.
    """
    logs, tasks, own = _matched(document, writes, plain)
    if tasks is None:
        finished = [log.node for log in logs if log.node is not None and log.has_finished and not log.is_call]
    else:
        finished = [task.node for task, its_logs in own if any(log.has_finished for log in its_logs)]
    is_known = tasks is not None and not _may_belong_elsewhere(document, own, logs)
    waiting = [task.node for task, its_logs in own if not any(log.has_finished for log in its_logs)]
    told = [log for log in logs if not log.is_call and not log.is_made_up]
    return Progress(
        next=tuple(sorted(waiting)) if is_known else None,
        finished=tuple(sorted(finished)),
        interruptions=_unanswered(document, told, writes, plain, is_alone=len(tasks or ()) == 1 == _asking(logs)),
        failures=tuple(Failure(log.node, error) for log in told if (error := log.failure(plain)) is not None),
        tasks=None if tasks is None else tuple(sorted(task.node for task in tasks)),
    )


def nodes_of(document: CheckpointDocument, writes: Sequence[PendingWrite], plain: Plain) -> dict[str, str]:
    """Return the nodes of the tasks that wrote, by the tasks' ids, as far as they are known; arguments as of `progress_of`."""
    return {log.task_id: log.node for log in _matched(document, writes, plain)[0] if log.node is not None}


def status_of(
    progress: Progress, *, is_running: bool
) -> Literal["running", "interrupted", "failed", "pending", "done", "unknown"]:
    """Return the one word for where a thread stands; `is_running` says that somebody holds a live lease of it."""
    if is_running:
        return "running"
    if progress.interruptions:
        return "interrupted"
    if progress.failures:
        return "failed"
    if progress.next is None:
        return "unknown"
    return "pending" if progress.next else "done"


# --- what tasks wrote


def _matched(
    document: CheckpointDocument, writes: Sequence[PendingWrite], plain: Plain
) -> tuple[list[_Log], tuple[Task, ...] | None, list[tuple[Task, list[_Log]]]]:
    """Return what was written by each task id, the tasks of the checkpoint or None, and which of the former is whose."""
    logs = _logs(document, writes)
    tasks = tasks_of(document, {log.pulled for log in logs if log.pulled is not None}, plain)
    own: list[tuple[Task, list[_Log]]] = [
        (task, [log for log in logs if log.task_id == task.task_id or (log.path == task.path and not log.is_made_up)])
        for task in tasks or ()
    ]
    for task, its_logs in own:
        for log in its_logs:
            log.node = task.node
    return logs, tasks, own


@dataclass(slots=True)
class _Log:
    """What one task wrote.

    Attributes:
        task_id: The task.
        path: Its path.
        is_made_up: Whether no task has that id: LangGraph keeps writes under it that only its channels read.
        node: The node, as far as it is known.
        outputs: Its writes that say that it has finished.
        controls: Its other writes, by channel.
    """

    task_id: str
    path: str
    is_made_up: bool
    node: str | None = None
    outputs: list[PendingWrite] = field(default_factory=list)
    controls: dict[str, PendingWrite] = field(default_factory=dict)

    @property
    def has_finished(self) -> bool:
        return bool(self.outputs)

    @property
    def is_call(self) -> bool:
        """Whether another task called it and answers for it."""
        return self.path.startswith("~__pregel_push, ~")

    @property
    def pulled(self) -> str | None:
        """The node that a channel triggered and that wrote this, or called who did."""
        if self.is_made_up:
            return None
        call = _CALL.fullmatch(self.path)
        path = f"{_PULLED}{call[1]}" if call else _HANDLER.sub("", self.path)
        return path.removeprefix(_PULLED) if path.startswith(_PULLED) else None

    def failure(self, plain: Plain) -> str | None:
        """Return the text of the error that ended the task, unless it has run well since then."""
        error = self.controls.get(ERROR)
        if error is None or (self.outputs and all(output.key != error.key for output in self.outputs)):
            return None
        text = plain(error.value)
        if is_opaque(text):
            return "an error that was stored by another serializer"
        return text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)


def _logs(document: CheckpointDocument, writes: Iterable[PendingWrite]) -> list[_Log]:
    """Return what each task wrote, but for the null task, in the order of the writes."""
    logs: dict[str, _Log] = {}
    step = step_after(document)
    for write in writes:
        if write.task_id == _NULL_TASK:
            continue
        log = logs.get(write.task_id)
        if log is None:
            log = _Log(write.task_id, write.task_path, _is_made_up(write, step))
            if write.task_path.startswith(_PULLED) and not _HANDLER.search(write.task_path):
                log.node = log.pulled
            logs[write.task_id] = log
        if write.channel in _CONTROL:
            log.controls[write.channel] = write
        else:
            log.outputs.append(write)
    return list(logs.values())


def _is_made_up(write: PendingWrite, step: int | None) -> bool:
    """Tell whether a run with exit durability made up the id, to keep what DeltaChannels read (`exit_delta_task_id`)."""
    number = write.task_id.partition("-")[0]
    # The number of a step in place of a hash: of the run's first one, which is at most a few after the checkpoint's.
    return bool(re.fullmatch(r"[0-9]{8}", number)) and (
        int(number) < _MOST_STEPS if step is None else 0 <= int(number) - step < 4
    )


def _may_belong_elsewhere(document: CheckpointDocument, own: list[tuple[Task, list[_Log]]], logs: list[_Log]) -> bool:
    """Tell whether somebody wrote results who may be a task that is taken to be unfinished."""
    matched = {log.task_id for _, its_logs in own for log in its_logs}
    strangers = [log for log in logs if log.has_finished and log.task_id not in matched and not log.is_made_up]
    sends_unknown = any(task.path is None and task.task_id is None for task, _ in own)
    if sends_unknown and strangers:
        return True
    is_every_id_known = all(
        (task.is_id_sure and task.task_id is not None) or any(log.path == task.path for log in its_logs)
        for task, its_logs in own
    )
    return not is_every_id_known and any(_is_by_update(document, log) for log in strangers)


def _is_by_update(document: CheckpointDocument, log: _Log) -> bool:
    """Tell whether `update_state` wrote under an id that may be a task's: neither LangGraph's own for that, nor with a path."""
    number = _UPDATED.fullmatch(log.path)
    if number is None:
        return False
    try:
        checkpoint_id = UUID(document.checkpoint_id)
    except ValueError:  # not LangGraph's
        return True
    names = ("__input__", INTERRUPT, f"{INTERRUPT}:{int(number[1] or 0)}")
    return log.task_id not in {str(uuid5(checkpoint_id, name)) for name in names}


# --- questions


def _asking(logs: Iterable[_Log]) -> int:
    """Return how many tasks have asked or been answered, those that others called included."""
    return sum(INTERRUPT in log.controls or RESUME in log.controls for log in logs)


def _unanswered(
    document: CheckpointDocument, logs: list[_Log], writes: Iterable[PendingWrite], plain: Plain, *, is_alone: bool
) -> tuple[Interruption, ...]:
    """Return the questions without an answer; `is_alone` says that nobody but one task can have taken an answer."""
    resumes = [plain(write.value) for write in writes if write.task_id == _NULL_TASK and write.channel == RESUME]
    by_id = resumes[0] if resumes and isinstance(resumes[0], dict) else {}
    found: list[Interruption] = []
    for log in logs:
        if log.has_finished or INTERRUPT not in log.controls:
            continue
        questions = _questions(plain(log.controls[INTERRUPT].value))
        if questions is None:
            found.append(Interruption(None, log.node, plain(log.controls[INTERRUPT].value)))
            continue
        is_answered = _has_answer(document, log, questions, plain)
        if (
            resumes and is_alone and RESUME not in log.controls
        ):  # of a question inside a subgraph, only that one's namespace tells who took the answer
            is_answered = is_answered or _place(document, log, questions) == 0
        for each in questions if not is_answered else ():
            question_id = each.get("id") if isinstance(each.get("id"), str) else None
            if question_id is None or question_id not in by_id:
                found.append(Interruption(question_id, log.node, each.get("value")))
    return tuple(found)


def _questions(value: Any) -> list[Mapping[str, Any]] | None:
    """Return the interrupts in a write, or None where it cannot be read."""
    if is_opaque(value):
        return None
    listed = value if isinstance(value, list) else items_of(value, "tuple") or [value]
    questions: list[Mapping[str, Any]] = [
        each for each in listed if isinstance(each, dict) and each.get("$type") == _INTERRUPT
    ]
    return questions if len(questions) == len(listed) else None


def _place(document: CheckpointDocument, log: _Log, questions: list[Mapping[str, Any]], most: int = 0) -> int | None:
    """Return how many answers the task had when it asked, by the id of its question; None for what a subgraph asked.

    Before langgraph 1.2.16 all of a task's questions had the id of the first.
    """
    if log.node is None or len(questions) != 1:
        return None
    namespace = f"{namespace_of(document, log.node)}:{log.task_id}"
    for place in range(most + 1):
        text = f"{namespace}|{place}" if place else namespace
        if questions[0].get("id") == xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass")):
            return place
    return None


def _has_answer(document: CheckpointDocument, log: _Log, questions: list[Mapping[str, Any]], plain: Plain) -> bool:
    """Tell whether the answers that the task itself has stored include one to its latest question."""
    resume = log.controls.get(RESUME)
    answers = plain(resume.value) if resume is not None else None
    if resume is None or not isinstance(answers, list):
        return False
    place = _place(document, log, questions, len(answers))
    if place == 0:
        # By its id the first question, or before langgraph 1.2.16 a later one: the first call of a task asks its first.
        asked, answered = (WritesName.parse(each.key.rpartition("/")[2]) for each in (log.controls[INTERRUPT], resume))
        return asked is not None and answered is not None and asked.number == 0 < answered.number
    return place is not None and place < len(answers)
