"""What is done with the graphs of the plays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langgraph.graph import END, START
from langgraph.types import Command, Send, StateUpdate

from tests.graphs.driving import T
from tests.inspection.stages import Stage

__all__ = [
    "ANSWERS",
    "GO",
    "answers",
    "answers_unasked",
    "commands_from_outside",
    "copies",
    "every_breakpoint",
    "input_in_place_of_an_answer",
    "one_value_stops",
    "resume_all",
    "runs",
    "time_travel",
    "update_before_all",
    "updates",
    "updates_inside",
    "updates_of_a_join",
]

GO = {"trail": ["go"]}


ANSWERS: tuple[Any, ...] = (GO, Command(resume="one"), Command(resume="two"), Command(resume="three"))


def runs(*inputs: Any, **options: Any) -> Callable[[Stage], None]:
    def acts(stage: Stage) -> None:
        for given in inputs:
            stage.run(given, **options)

    return acts


def resume_all(stage: Stage, count: int | None = None) -> None:
    """Answer the questions that wait, or the first `count` of them, by their ids."""
    waiting = stage.state().interrupts
    stage.run(Command(resume={each.id: "yes" for each in waiting[:count]}))


def answers(stage: Stage) -> None:
    stage.run(GO)
    resume_all(stage, 1)
    resume_all(stage, 1)
    resume_all(stage)
    resume_all(stage)


def updates(stage: Stage) -> None:
    stage.update({"trail": ["before all"]}, "a")
    stage.run(None)
    stage.run(GO, interrupt_before=["b"])
    for as_node in ("a", "b", "c", None):
        stage.update({"trail": [f"as {as_node}"]}, as_node)
    stage.run(None, interrupt_after=["b"])
    stage.update(None, END)
    stage.update({"trail": ["again"]}, "__input__")
    stage.run(None, interrupt_before=["c"])
    stage.update(None, "__copy__")
    stage.graph.bulk_update_state(
        T, [[StateUpdate({"trail": ["x"]}, "a"), StateUpdate({"trail": ["y"]}, "b")], [StateUpdate({}, "a")]]
    )
    stage.run(None)
    stage.run(GO)


def update_before_all(stage: Stage) -> None:
    stage.update(None, "c")
    stage.run(GO)


def updates_of_a_join(stage: Stage) -> None:
    stage.run(GO, interrupt_before="*")
    stage.update({"trail": ["as a"]}, "a")
    stage.update({"trail": ["as b"]}, "b")
    stage.run(None, interrupt_before="*")
    stage.update({"trail": ["as b2"]}, "b2")
    stage.update(None, "c")
    stage.run(None)


def every_breakpoint(stage: Stage) -> None:
    everywhere: list[dict[str, Any]] = [{"interrupt_before": "*"}, {"interrupt_after": "*"}]
    for stops in everywhere:
        stage.run(GO, **stops)
        for _ in range(5):
            stage.run(None, **stops)


def time_travel(stage: Stage) -> None:
    first = next(name for name in stage.graph.nodes if name != START)
    stage.run(GO)
    for snapshot in stage.history():
        stage.run(None, snapshot.config)
    for snapshot in stage.history()[::2]:
        forked = stage.update({"trail": ["forked"]}, first, snapshot.config)
        stage.run(None, forked)
    stage.run(GO, stage.history()[3].config)


def commands_from_outside(stage: Stage) -> None:
    stage.run(Command(goto="b", update={"trail": ["first"]}))
    stage.run(GO, interrupt_before=["b"])
    stage.run(Command(goto="c", update={"trail": ["told"]}))
    stage.run(GO, interrupt_before=["c"])
    stage.run(Command(goto=[Send("a", {}), "b"]), interrupt_before=["c"])
    stage.run(Command(update={"trail": ["told"]}, resume="unasked"))


def input_in_place_of_an_answer(stage: Stage) -> None:
    stage.run(GO)
    stage.run(GO)
    stage.run(Command(resume="yes"))
    stage.run(None)
    stage.run(Command(resume="yes"))
    stage.run(Command(resume="yes"))


def one_value_stops(stage: Stage) -> None:
    stage.run(["x"], interrupt_before=["b"])
    stage.run(None)


def updates_inside(stage: Stage) -> None:
    stage.run(GO)
    inside = stage.state().tasks[0].state
    assert isinstance(inside, dict)
    for as_node in ("a", "b"):
        stage.update({"trail": [f"as {as_node}"]}, as_node, inside)
    for given in ANSWERS:
        stage.run(given)


def copies(stage: Stage) -> None:
    stage.run(GO, interrupt_before=["work"])
    stage.update([({"trail": ["x"]}, "work"), ({"trail": ["y"]}, "work")], "__copy__")
    stage.run(None)


def answers_unasked(stage: Stage) -> None:
    stage.run(GO, interrupt_before="*")
    stage.run(Command(resume="unasked"), interrupt_before="*")
    stage.run(None, interrupt_before=["last"])
    resume_all(stage, 1)
    resume_all(stage)
    resume_all(stage)
