"""What a reader must know before believing the table: missing pairs, unfinished runs, few seeds, many comparisons."""

from collections.abc import Iterator, Sequence

from webapp.catalogue.provenance import recalled_range
from webapp.comparison.columns import probability
from webapp.comparison.differences import PAIRING, Difference, is_same_everywhere
from webapp.comparison.selection import Entry, states_of
from webapp.comparison.tables import LEAST_PAIRS, Table
from webapp.experiments.models import RunState

MOST_NAMED = 6
SIGN_FLIP_PAIRS = 6
"""From this many pairs on, the sign-flip p can be below 0.05: it is at least 2 / 2**n."""


def notes_of(table: Table, entries: Sequence[Entry], found: Sequence[Difference]) -> list[str]:
    """The notes in the order of their weight."""
    notes = [*_unfinished(entries), *_unpaired(table), *_same(table), *_unlike(table, found)]
    return [*notes, *_even(table), *_few(table), *_many(table), *_recalled(table)]


def _unfinished(entries: Sequence[Entry]) -> Iterator[str]:
    states = states_of(entries)
    total, done = sum(states.values()), states.get(RunState.DONE, 0)
    if done < total:
        left = [f"{count} {RunState(state).label.lower()}" for state, count in states.items() if state != RunState.DONE]
        verb = "is" if done == 1 else "are"
        yield f"{done} of {_runs(total)} {verb} done; the table leaves out the others ({', '.join(left)})."


def _unpaired(table: Table) -> Iterator[str]:
    reference = next(row for row in table.rows if row.entry is table.baseline)
    for row in table.others:
        alone = sorted(row.by_seed.keys() - reference.by_seed.keys())
        lacking = sorted(reference.by_seed.keys() - row.by_seed.keys())
        if (not alone and not lacking) or not row.by_seed or not reference.by_seed:
            continue
        name, base = row.entry.label, table.baseline.label
        if not row.differences:
            yield (
                f"{name} and {base} have no seed in common (seeds {_seeds(alone)} against {_seeds(lacking)}): their "
                "means stand side by side, but there is no paired difference. Run both with the same seeds."
            )
            continue
        parts = [f"seed{'s' * (len(alone) > 1)} {_seeds(alone)} only of {name}"] if alone else []
        parts += [f"seed{'s' * (len(lacking) > 1)} {_seeds(lacking)} only of {base}"] if lacking else []
        pairs = len(row.differences)
        yield (
            f"{name} against {base}: the difference is over the {pairs} seed{'s' * (pairs > 1)} that both have; "
            f"{' and '.join(parts)} count in the means alone."
        )


def _same(table: Table) -> Iterator[str]:
    same = [row.entry.label for row in table.others if row.entry.cell.digest == table.baseline.cell.digest]
    if same:
        verb = "is the same setting" if len(same) == 1 else "are the same setting"
        yield f"{_listed(same)} {verb} as {table.baseline.label}: with equal seeds nothing can differ."


def _unlike(table: Table, found: Sequence[Difference]) -> Iterator[str]:
    unlike = [part for part in PAIRING if not is_same_everywhere(found, part)]
    if unlike and any(row.differences for row in table.others):
        yield (
            f"The settings differ in {_listed(unlike)}, so equal seeds share less than data, weights and cohorts. "
            "Pairs stay valid, but narrow the interval less."
        )


def _even(table: Table) -> Iterator[str]:
    for row in table.others:
        spread = row.comparison.difference if row.comparison else None
        if spread and spread.std == 0 and spread.mean:
            yield (
                f"All pairs of {row.entry.label} and {table.baseline.label} differ by exactly the same, so the t "
                "interval has no width: that is sound for what chance does not touch, and luck otherwise."
            )


def _few(table: Table) -> Iterator[str]:
    most = max((len(row.differences) for row in table.others), default=0)
    if 1 < most < SIGN_FLIP_PAIRS:
        least = probability(2 / 2**most)
        yield (
            f"With {most} pairs the sign-flip p is at least {least}: {SIGN_FLIP_PAIRS} are the fewest that can be "
            f"below 0.05. A claim here rests on the t interval of at least {LEAST_PAIRS} pairs."
        )


def _many(table: Table) -> Iterator[str]:
    tested = [row for row in table.others if row.values["p_t"] is not None]
    if len(tested) > 1:
        yield f"{len(tested)} comparisons with one baseline: the p values are not corrected for that."


def _recalled(table: Table) -> Iterator[str]:
    shares = [share for row in table.rows if isinstance(share := row.values["share_recalled"], float)]
    if shares:
        yield recalled_range(shares)


def _seeds(seeds: Sequence[int]) -> str:
    shown = ", ".join(map(str, seeds[:MOST_NAMED]))
    return f"{shown}, ... ({len(seeds)})" if len(seeds) > MOST_NAMED else shown


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _runs(count: int) -> str:
    return f"{count} run{'s' * (count != 1)}"
