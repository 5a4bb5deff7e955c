"""The answer of a comparison in one to three sentences; "no claim" is an answer."""

from engine.runs.statistics import pairs_needed
from webapp.comparison.tables import BASELINE, CLEAR, NO_PAIRS, ONE_SEED, Row, Table, claims_of
from webapp.experiments.answers import Answer

MOST_PAIRS = 200


def answers_of(table: Table) -> list[Answer]:
    """Who leads, by how much, and whether that may be claimed."""
    known = [row for row in table.rows if row.spread is not None]
    if not known:
        return [Answer("No result yet: none of these runs is done.", "")]
    if len(table.rows) == 1:
        return [_alone(table, known[0])]
    best = _best(table, known)
    answers = [_leader(table, best, len(known))] if len(known) > 2 else []
    against = _opponent(table, best)
    if against is not None:
        answers.append(_pair(table, against))
    elif not any(row.differences for row in table.others):
        answers.append(Answer("There is no pair of finished runs with the same seed yet.", "No claim."))
    tested = [row for row in table.others if row.claim not in {NO_PAIRS, BASELINE}]
    if len(tested) > 1:
        clear = claims_of(tested, CLEAR)
        answers.append(
            Answer(f"{clear} of {len(tested)} differences to {table.baseline.label} {_are(clear)} clear.", "")
        )
    return answers


def gain(table: Table, value: float) -> float:
    """A difference with its sign turned so that more is better; a measure without a better side counts upwards."""
    return -value if table.measure.better == "lower" else value


def _best(table: Table, rows: list[Row]) -> Row:
    return max(rows, key=lambda row: gain(table, float(row.values["mean"] or 0.0)))


def _opponent(table: Table, best: Row) -> Row | None:
    """The row of the pair to speak of: the leader, or where the baseline leads the one that comes closest."""
    paired = [row for row in table.others if row.comparison is not None]
    if best in paired:
        return best
    return max(paired, key=lambda row: gain(table, float(row.values["difference"] or 0.0)), default=None)


def _alone(table: Table, row: Row) -> Answer:
    of = f"{table.measure.title} of {row.entry.label} is {_with_unit(table, row, 'mean')}"
    if row.values["ci95_low"] is None:
        return Answer(f"{of}.", "One seed: no claim.", "More seeds would say how far to trust it.")
    return Answer(f"{of} (95 % CI {_interval(table, row, 'ci95')}, {row.values['n']} seeds).", "")


def _leader(table: Table, best: Row, count: int) -> Answer:
    side = {"lower": "lowest"}.get(table.measure.better, "highest")
    value = _with_unit(table, best, "mean")
    return Answer(f"Of {count} settings {best.entry.label} has the {side} mean {table.measure.word}, {value}.", "")


def _pair(table: Table, row: Row) -> Answer:
    compared = row.comparison
    assert compared is not None
    mean, pairs = compared.difference.mean, len(compared.difference.values)
    side = gain(table, mean)
    verbs = ("leads", "trails") if table.measure.better else ("is above", "is below")
    verb = verbs[0] if side > 0 else verbs[1] if side < 0 else "equals"
    by = f" by {_size(table, row)}" if mean else ""
    sentence = f"{row.entry.label} {verb} {table.baseline.label}{by} in {table.measure.word}"
    if row.claim == ONE_SEED:
        waits = any(len(entry.done) < len(entry.runs) for entry in (row.entry, table.baseline))
        advice = "More seeds are still to come." if waits else "Run at least three seeds of both to compare them."
        return Answer(f"{sentence}.", "One seed: no claim.", advice)
    interval = f"95 % CI of the difference {_interval(table, row, 'difference')}, paired over {pairs} seeds"
    sentence = f"{sentence} ({interval})."
    if row.claim == CLEAR:
        return Answer(sentence, "The difference is clear at this number of seeds.", _evidence(table, row))
    return Answer(sentence, "No claim.", _advice(row, pairs))


def _evidence(table: Table, row: Row) -> str:
    p_t, p_flip, effect = (table.shown(row, name) for name in ("p_t", "p_sign_flip", "effect_size"))
    return f"Paired t p {_equals(p_t)}, exact sign-flip p {_equals(p_flip)}, effect size {effect}."


def _equals(shown: str) -> str:
    return shown if shown.startswith("<") else f"= {shown}"


def _advice(row: Row, pairs: int) -> str:
    assert row.comparison is not None
    difference = row.comparison.difference
    if not difference.mean or not difference.std:
        return ""
    needed = pairs_needed(difference, MOST_PAIRS)
    if needed is None:
        return f"More than {MOST_PAIRS} seeds would be needed to decide a difference of this size."
    more = max(1, needed - pairs)
    return f"About {more} more seed{'s' * (more > 1)} would decide a difference of this size."


def _size(table: Table, row: Row) -> str:
    """The size of the difference without its sign, with its unit."""
    number = table.shown(row, "difference").lstrip("+\u2212")
    symbol = table.formats["difference"].symbol
    return f"{number} {symbol}".strip()


def _interval(table: Table, row: Row, name: str) -> str:
    low, high = (table.shown(row, f"{name}_{end}") for end in ("low", "high"))
    symbol = table.formats[f"{name}_low"].symbol
    return f"{low} to {high} {symbol}".strip()


def _with_unit(table: Table, row: Row, name: str) -> str:
    return f"{table.shown(row, name)} {table.formats[name].symbol}".strip()


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
