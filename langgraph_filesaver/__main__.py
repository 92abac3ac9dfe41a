"""The command line: `python -m langgraph_filesaver`, installed as `langgraph-filesaver`.

The commands are in `cli`, which needs the extra of that name. Without it the demo works all the same, and everything else
says what to install.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from langgraph_filesaver.demo import command as demo

__all__ = ["main"]

_WRONG_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` name and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        import click  # noqa: F401 looked for, as what follows needs it
        import rich  # noqa: F401 likewise
    except ImportError:
        return _without_click(given)
    from langgraph_filesaver.cli import app

    try:
        app.main(given or ["--help"], prog_name="langgraph-filesaver")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else _WRONG_USAGE
    return 0


def _without_click(given: list[str]) -> int:
    if given[:1] == ["demo"]:
        return demo.main(given[1:])
    sys.stderr.write(
        "the command line needs click and rich: pip install 'langgraph-filesaver[cli]'\n"
        "without them there is only: python -m langgraph_filesaver demo\n"
    )
    return _WRONG_USAGE


if __name__ == "__main__":
    sys.exit(main())
