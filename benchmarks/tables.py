"""Results as text: every figure for the terminal, the ratios and the targets as Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measuring import Figure, Results
from benchmarks.savers import FILES, FILES_NO_FSYNC, FLOOR, KINDS, MEMORY, SQLITE, SQLITE_ASYNC
from benchmarks.targets import Outcome, outcomes

__all__ = ["amount", "base_of", "markdown", "ratios_table", "terminal"]


def amount(value: float, unit: str) -> str:
    """Return a value with its unit, as a person reads it."""
    if unit == "/s":
        return f"{value:,.0f} /s"
    if unit in ("bytes", "B"):
        return f"{value / 1e6:,.2f} MB"
    if unit != "s":
        return f"{value:,.0f}"
    if value >= 1:
        return f"{value:,.2f} s"
    return f"{value * 1e3:,.1f} ms" if value >= 0.001 else f"{value * 1e6:,.0f} µs"


def base_of(figures: dict[str, Figure]) -> str | None:
    """Return the saver that the others of a row are compared with, or None where it is not among them."""
    return next((name for name in (SQLITE, SQLITE_ASYNC) if name in figures), None)


def terminal(results: Results) -> Iterator[str]:
    """Yield the lines of all tables."""
    for row, figures in results.rows.items():
        base = base_of(figures)
        yield f"\n{row:<50}{'median':>12}{'quartiles':>26}{'' if base is None else f'÷ {base}':>20}"
        for name, figure in figures.items():
            low, high = figure.quartiles
            spread = "exact" if figure.is_exact else f"{amount(low, figure.unit)} - {amount(high, figure.unit)}"
            ratio = "" if base is None or not figures[base].median else f"{figure.median / figures[base].median:.2f}"
            yield f"  {name:<48}{amount(figure.median, figure.unit):>12}{spread:>26}{ratio:>20}"
    found = list(outcomes(results))
    if found:
        yield f"\n{'To reach':<50}{'saver':<24}{'÷':<32}{'found':>10}{'limit':>12}"
        for each in found:
            yield (
                f"  {each.target.row:<48}{each.target.saver:<24}{each.target.against:<32}{_found(each):>10}{_limit(each):>12}"
                f"  {'reached' if each.is_reached else 'missed'}"
            )
    yield "\n" + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in results.seconds.items())


def markdown(results: Results) -> str:
    """Return the targets as a Markdown table."""
    lines = ["| | against | found | to reach | |", "| --- | --- | --- | --- | --- |"]
    for each in outcomes(results):
        name = each.target.row if each.target.saver == FILES else f"{each.target.row}, fsync off"
        verdict = "reached" if each.is_reached else "**missed**"
        lines.append(f"| {name} | {each.target.against} | {_found(each)} | {_limit(each)} | {verdict} |")
    return "\n".join(lines) + "\n"


def ratios_table(results: Results) -> str:
    """Return the ratios of all timed rows to SqliteSaver as a Markdown table; below 1 is faster."""
    names = [name for name in (FILES, FILES_NO_FSYNC, MEMORY, *KINDS) if name not in (SQLITE, SQLITE_ASYNC)]
    names = [name for name in dict.fromkeys((*names, FLOOR)) if any(name in row for row in results.rows.values())]
    lines = [f"| | {SQLITE} | {' | '.join(names)} |", "| --- |" + " --- |" * (len(names) + 1)]
    for row, figures in results.rows.items():
        base = base_of(figures)
        if base is None or (figures[base].is_exact and figures[base].unit == "failures"):
            continue
        ratios = [f"{figures[name].median / figures[base].median:.2f}" if name in figures else "" for name in names]
        told = amount(figures[base].median, figures[base].unit)
        lines.append(f"| {row} | {told} | {' | '.join(ratios)} |")
    return "\n".join(lines) + "\n"


def _found(outcome: Outcome) -> str:
    return f"{outcome.found:.2f}" if outcome.target.other is not None else _absolute(outcome, outcome.found)


def _limit(outcome: Outcome) -> str:
    limit, sign = outcome.target.limit, "≥" if outcome.target.is_least else "≤"
    return f"{sign} {limit:g}" if outcome.target.other is not None else f"{sign} {_absolute(outcome, limit)}"


def _absolute(outcome: Outcome, value: float) -> str:
    return f"{value:,.0f}" if outcome.target.row.endswith("failed turns") else f"{value * 1e3:.1f} ms"
