"""The plot of a run: how each saver compares with SqliteSaver, row by row, on a logarithmic axis."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measuring import Results
from benchmarks.savers import FILES, FILES_NO_FSYNC, MEMORY, OBJECTS, POSTGRES
from benchmarks.tables import base_of

__all__ = ["draw"]

_COLOURS = {
    FILES: "#1a73e8",
    FILES_NO_FSYNC: "#8ab4f8",
    MEMORY: "#9aa0a6",
    OBJECTS: "#e8710a",
    POSTGRES: "#336791",
}
_ROWS = (
    "put",
    "put_writes",
    "get latest, 10 messages",
    "get latest, 400 messages",
    "get latest, 4,000 messages",
    "chat: a turn",
    "chat: a turn of the last 20",
    "chat: list of all its checkpoints",
    "async chat: a turn",
    "2,000 messages appended",
    "1 MB image: a put after the first",
    "100 MB array: put",
    "100 MB array: get",
    "fan-out of 100",
    "latest of 5,000 checkpoints",
    "list 10 of 5,000 checkpoints",
    "latest of one of 10,000 threads",
    "cold start: import and first get",
    "chat: on the disk",
)


def draw(results: Results, path: Path) -> None:
    """Draw the ratios into a file, whose ending (`.svg`, `.png`) tells its kind."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "benchmarks"  # the same figures give the same file
    rows = [row for row in _ROWS if base_of(results.rows.get(row, {})) is not None]
    names = [name for name in _COLOURS if any(name in results.rows[row] for row in rows)]
    figure, axes = plt.subplots(figsize=(9, 0.9 + 0.62 * len(rows)))
    height = 0.8 / len(names)
    for at, name in enumerate(names):
        places, ratios = [], []
        for line, row in enumerate(rows):
            base = base_of(results.rows[row])
            if name in results.rows[row] and base is not None:
                places.append(line + (at - (len(names) - 1) / 2) * height)
                ratios.append(results.rows[row][name].median / results.rows[row][base].median)
        axes.barh(places, [each - 1 for each in ratios], height * 0.92, left=1, color=_COLOURS[name], label=name)
        for place, ratio in zip(places, ratios, strict=True):
            axes.annotate(
                f"{ratio:.2f}" if ratio < 100 else f"{ratio:,.0f}",
                (ratio, place),
                xytext=(3 if ratio >= 1 else -3, 0),
                textcoords="offset points",
                ha="left" if ratio >= 1 else "right",
                va="center",
                fontsize=6.5,
                color="#555555",
            )
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), rows)
    axes.invert_yaxis()
    axes.axvline(1, color="#333333", linewidth=1)
    axes.set_xlabel(
        "time, or bytes, as a ratio to SqliteSaver (AsyncSqliteSaver where async); left of the line is less"
    )
    axes.margins(x=0.08, y=0.01)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(lambda ratio, _: f"{ratio:g}")
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.3 / figure.get_figheight()))
    figure.legend(*axes.get_legend_handles_labels(), loc="upper center", ncols=len(names), frameon=False, fontsize=8)
    metadata = {"Date": None} if path.suffix == ".svg" else None
    figure.savefig(path, facecolor="white", dpi=130, metadata=metadata)
    plt.close(figure)
