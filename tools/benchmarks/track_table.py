"""The table of films whose people were found: scores, and how often a person is found at rank 1."""

from collections.abc import Sequence

from eval.report.paired import paired_difference
from tools.benchmarks.track_experiment import Outcome

# Of an outcome's rows; shown as percent unless it is a count.
_COLUMNS = ("IDF1", "HOTA", "MOTA", "switches", "IDF1 over cameras")


def print_table(outcomes: Sequence[Outcome], names: Sequence[str]) -> None:
    """A line for motion alone and those of each model and threshold, then rank 1; of several sets and models, their
    differences from motion alone and from the first model."""
    width = max(len(name) for name in outcomes[0].rows) + 2
    print(" " * width + "".join(f"{column:>24}" for column in _COLUMNS))
    motion, several = next(iter(outcomes[0].rows)), len(outcomes) > 1
    for name in outcomes[0].rows:
        values = {column: [outcome.rows[name][column] for outcome in outcomes] for column in _COLUMNS}
        print(f"{name:<{width}}" + "".join(f"{_with_interval(values[column]):>24}" for column in _COLUMNS))
        for label, other in (("difference", motion), *_first_model(name, names)):
            if several and name != motion:
                befores = {column: [outcome.rows[other][column] for outcome in outcomes] for column in _COLUMNS}
                changes = [_difference(values[column], befores[column]) for column in _COLUMNS]
                print(f"{f'  {label}':<{width}}" + "".join(f"{change:>24}" for change in changes))
    for name in outcomes[0].found:
        asked = [outcome for outcome in outcomes if outcome.found[name][1]]
        if not asked:
            print(f"found at rank 1, {name}: not measured, no person has a second track")
            continue
        right, count = (sum(outcome.found[name][place] for outcome in asked) for place in (0, 1))
        shares = [_share(outcome, name) for outcome in asked]
        line = f"found at rank 1, {name}: {right} of {count} queries, {100 * right / count:.1f} %"
        print(f"{line}; a set: {_with_interval(shares)}")
        for label, other in _first_model(name, names):
            both = [outcome for outcome in asked if outcome.found[other][1]]
            if len(both) > 1:
                change = _difference([_share(one, name) for one in both], [_share(one, other) for one in both])
                print(f"  {label}: {change}")


def _first_model(row: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """The row of the first model that a row of another one is compared with, and what the difference is called."""
    name, comma, rest = row.partition(", ")
    return [(f"{name} - {names[0]}", f"{names[0]}, {rest}")] if comma and name in names[1:] else []


def _share(outcome: Outcome, name: str) -> float:
    right, asked = outcome.found[name]
    return 100 * right / asked


def _difference(values: Sequence[float], befores: Sequence[float]) -> str:
    change = paired_difference(values, befores)
    return f"{change.mean:+.1f} ({change.low:+.1f} to {change.high:+.1f})"


def _with_interval(values: Sequence[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.1f}"
    interval = paired_difference(values, [0.0] * len(values))
    return f"{interval.mean:.1f} ({interval.low:.1f} to {interval.high:.1f})"
