"""What the README and the examples show is what happens: the code in them runs, and the pictures are of its files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from langgraph_filesaver.demo.picture import tree

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text("utf-8")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}(?:-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|…[0-9a-f]{4})")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.+]+")


def test_the_example_of_the_readme(tmp_path: Path) -> None:
    """The README's ten lines run as they stand, print what it says, and leave the tree and the file that it shows."""
    code, *_ = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in code.splitlines() if line]) <= 10
    printed = _run(tmp_path, "-c", code)
    assert f"It prints `{printed.strip()}`" in README

    (shown_tree,) = re.findall(r"```text\n(checkpoints/.*?)\n```", README, re.DOTALL)
    # As sets: two writes fall into one bucket or into two, as their random ids will have it.
    made = tree(str(tmp_path / "checkpoints"))
    assert set(map(_without_places, made)) == set(map(_without_places, shown_tree.split("\n")))
    (shown_file,) = re.findall(r"```json\n(.*?)\n```", README, re.DOTALL)
    newest = max((tmp_path / "checkpoints" / "research-42" / "checkpoints" / "_root").iterdir())
    assert _without_ids(newest.read_text("utf-8")).startswith(_without_ids(shown_file))


def test_the_links_of_the_documents() -> None:
    """Every link from the README, the changelog and the documents to a file of the project leads to one."""
    for path in [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *(PROJECT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text("utf-8")):
            if not link.startswith("https://"):
                assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_reading_the_source_names_every_module() -> None:
    """The README's guide to the source names every module and package, and none that is not there."""
    guide = README[README.index("## Reading the source") : README.index("## Documents")]
    package = PROJECT / "langgraph_filesaver"
    modules = {path.name for path in package.glob("*.py")} - {"__init__.py", "__main__.py"}
    packages = {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").is_file()}
    assert set(re.findall(r"`([a-z_]+(?:\.py|/))`", guide)) == modules | packages


def test_an_approval_that_another_process_brings(tmp_path: Path) -> None:
    """The first run asks, the second brings the answer, and what was finished does not run again."""
    example = str(PROJECT / "examples" / "approve_later.py")
    assert _run(tmp_path, example) == "looking up ten ladders\nOrder ten ladders?\n"
    assert _run(tmp_path, example, "yes") == "The answer was yes.\n"


def test_a_correction_by_hand(tmp_path: Path) -> None:
    """The graph goes on with the value that was written into the checkpoint file."""
    assert _run(tmp_path, str(PROJECT / "examples" / "correct_by_hand.py")) == "Pay 1000?\npaid 100\n"


def test_formats_of_the_users_own(tmp_path: Path) -> None:
    """A frame becomes a Parquet file and a picture a PNG, and both come back."""
    pytest.importorskip(
        "pyarrow", reason="the example needs pyarrow, with which pandas behaves in another way than in our tests"
    )
    pytest.importorskip("PIL", reason="the example needs Pillow")
    assert _run(tmp_path, str(PROJECT / "examples" / "artifact_codecs.py"), str(tmp_path)).endswith("(64, 64)\n")
    artifacts = {path.suffix for path in (tmp_path / "weather" / "artifacts").iterdir()}
    assert artifacts == {".png", ".parquet"}


def _run(folder: Path, *arguments: str) -> str:
    run = subprocess.run(
        [sys.executable, "-X", "utf8", *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


def _without_ids(text: str) -> str:
    return TIME.sub("<time>", ID.sub("<id>", text))


def _without_places(line: str) -> str:
    """Leave out of a line of a tree what differs from run to run: ids, the bucket that follows from them, sizes."""
    line = re.sub(r"[├└]── ([0-9a-f])/$", "── <bucket>/", _without_ids(line)).replace("│", " ").replace("└", "├")
    return re.sub(r" +[0-9,]+ bytes$", "", line)
