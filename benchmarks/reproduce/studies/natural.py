"""Data that belongs to people: spoken digits by speaker, and plays by speaking role."""

from collections.abc import Iterator, Sequence

from benchmarks.reproduce.study import ROOT, Recorded, Study
from benchmarks.reproduce.tables import mean_of, runs_of, table
from engine.commands.output import si

SPEAKERS, ROLES = (ROOT / "examples" / f"{name}.yaml" for name in ("spoken-digits-by-speaker", "shakespeare-by-role"))

INTRODUCTION = """
The two examples with clients of their own, each run as it stands with three seeds by `./edgeloom reproduce natural`:
accuracy of the mean model on held-out samples after the last round, mean and half the 95 % interval over seeds.
""".strip()

BESIDE = {
    SPEAKERS.stem: (
        "Spoken digits, one of six speakers a device",
        "chance is 10 %; the test set holds the first five recordings of each digit and speaker, as is usual there",
    ),
    ROLES.stem: (
        "Next character of Shakespeare, one role a device",
        "McMahan et al. 2017, table 2: a target of 54 %, on all of the plays and with two layers of 256 units",
    ),
}
"""Title of each example, and what to read its accuracy beside."""


def render(done: Sequence[Recorded]) -> Iterator[str]:
    """The page's body."""
    yield from INTRODUCTION.splitlines()
    yield ""
    rows = []
    for part, (title, beside) in BESIDE.items():
        runs = runs_of(done, part, "cell")
        if not runs:
            continue
        sent = sum(run["costs"]["bytes_up"] + run["costs"]["bytes_down"] for run in runs) / len(runs)
        rounds = runs[0]["series"]["round"][-1]
        rows.append([
            title, str(len(runs)), str(rounds), mean_of(runs, "accuracy", 100, "%"), si(sent, "B"), beside,
        ])  # fmt: skip
    yield from table(["data", "seeds", "rounds", "accuracy", "bytes", "beside"], rows) if rows else ["Nothing yet."]


STUDY = Study("natural", "Clients of their own: speakers and roles", (SPEAKERS, ROLES), render)
