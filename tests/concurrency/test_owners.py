"""Who the owner of a lease is, in whatever order, context or process its block is left."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Iterator

from tests.checkpoints import config_of, ids_of, put
from tests.concurrency.others import impatient
from tests.stores import Home


def test_blocks_may_overlap(home: Home) -> None:
    """Whoever leaves the block of one thread before that of another, taken later, owns the other one still."""
    saver = impatient(home)
    first, second = saver.thread_lock("t"), saver.thread_lock("u")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    put(saver, "1", thread_id="u")
    second.__exit__(None, None, None)
    assert saver.locks() == []


def test_generators_that_take_turns(home: Home) -> None:
    """Two generators in one context, each with a thread of its own, put to it whoever of them ends first."""
    saver = impatient(home)

    def work(thread_id: str, steps: int) -> Iterator[None]:
        with saver.thread_lock(thread_id):
            for step in range(steps):
                yield
                put(saver, str(step), thread_id=thread_id)

    first, second = work("t", 1), work("u", 3)
    next(first), next(second)
    assert [list(first), list(second)] == [[], [None, None]]
    assert ids_of(saver, config_of("u")) == ["2", "1", "0"]
    assert saver.locks() == []


def test_a_block_may_be_left_in_another_context(home: Home) -> None:
    """A framework that enters and leaves a block in two contexts, as for its dependencies, meets no error."""
    saver = impatient(home)
    block = saver.thread_lock("t")
    contextvars.copy_context().run(block.__enter__)
    contextvars.copy_context().run(block.__exit__, None, None, None)
    assert saver.locks() == []


def test_a_forked_child_that_leaves_the_block_gives_nothing_back(local_home: Home) -> None:
    """What a child ends by an exception or by `sys.exit` are its copies of the parent's blocks: the parent has the thread."""
    saver = impatient(local_home)
    with saver.thread_lock("t") as lease:
        process = 1
        try:
            with saver.thread_lock("t"), saver._lease("u", None, 30) as unowned:
                process = os.fork()
                if process == 0:
                    raise SystemExit
                assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
                assert {info.owner for info in saver.locks()} == {lease.owner, unowned.owner}
        finally:
            if process == 0:
                os._exit(0)
