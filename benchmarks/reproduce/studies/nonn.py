"""Networks of neural networks on MNIST: beside what competes with them, and partitions of the filters compared."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.reproduce.networks import Contender, beside, partitions_table, plan_of_run, ratios
from benchmarks.reproduce.planned import published_plans
from benchmarks.reproduce.study import Recorded, Study
from benchmarks.reproduce.tables import runs_of, table

HERE = Path(__file__).parent
TEACHER, TWO, FOUR, SMALL, PAPER = (HERE / f"nonn_{part}.yaml" for part in ("teacher", "2", "4", "small", "paper"))

Group = tuple[Path, str, str]

GROUPS: tuple[Group, ...] = (
    (TWO, "cell", "LeNet-5 at half width, K = 2"),
    (FOUR, "cell", "LeNet-5 at half width, K = 4"),
    (SMALL, "num-students-2", "16 hidden units, K = 2"),
    (SMALL, "num-students-4", "16 hidden units, K = 4"),
)
"""Spec, cell and title of the runs of each kind of students."""

INTRODUCTION = """
A teacher (the convolutional network of McMahan et al., 1,663,370 parameters, one epoch) and students that learn the
filters of its last hidden layer and run on a Raspberry Pi 3B+ each, beside what competes with them. In a run all take
the teacher of its seed, the same samples (54,000; the other 6,000 are for links between filters), 1,000 steps of 64 and
the same schedule. Accuracy is that on the 10,000 test images, in percent; mean and half the 95 % interval over seeds.
Costs are the cost model's for one inference that begins and ends at a further board (students of 16 hidden units are
left to the placer, which keeps them all on it): memory, MACs and joules are those of the device that needs most, bytes
are all that travel, the picture itself included (3,136 to each student). Made by `./edgeloom reproduce nonn`.
""".strip()

PARTITIONS = """
The filters of a teacher divided by communities of the filter network (Louvain, resolution 1.43), by chance, by their
numbers, and by normalized cuts. Each line compares students that differ in nothing else and learn from the same
teacher: points of accuracy by which communities are better, mean and half the 95 % interval over seeds, and p of the
paired t-test and of the sign-flip test (two-sided; with 6 seeds the latter is at least 0.031). With one student lost,
its place in the last layer is zeros; mean over the students.
""".strip()

LOST = """
Communities make specialists: a student that is lost takes its classes along. Filters dealt out by chance leave every
student something of every class. Who expects losses should divide so, or train with `failout`.
""".strip()

CLAIMS = """
Bhardwaj et al. (arXiv 1907.11804, abstract) claim up to 24 times less memory, 12 times the speed and 14 times less
energy per node than the teacher, and up to 33 times less total latency than a compressed baseline that is split over
devices layer by layer. *Ours, published networks* is the cost model's plan of the authors' published networks (their
WRN-40-4 with 8,955,050 parameters, two students of WRN-16-1 with 178,082 and 178,016, last layer of 980) on two
boards that send 388 bytes to a third one; nothing is trained for it. *Ours, MNIST* is that of the runs above, K = 2.
""".strip()

NOTES: Mapping[str, str] = {
    "memory": "ours counts weights and activations in floats, of the networks of their published code; a prototype on "
    "boards reports 50 times (Farcas et al., CVPRW 2020), which is the ratio of their parameters",
    "compute": "time of computing alone; their 12 is measured on boards, ours counts MACs at the board's rate",
    "total": "with the messages of WiFi, which the teacher does without: on MNIST it computes for 1.7 ms, where one "
    "message takes 7 ms",
    "compute_energy": "joules of computing alone, as a meter at a board shows them when input is there",
    "energy": "with radio and waiting, of the device that spends most, here the one that sends the picture to all",
    "split": "the baseline is one student of the same total size, cut into slices of channels; each layer waits for "
    "messages, so the ratio follows the number of layers",
}
"""Why each of our ratios differs from the claim."""


def render(done: Sequence[Recorded]) -> Iterator[str]:
    """The page's body."""
    yield from INTRODUCTION.splitlines()
    for path, slug, title in GROUPS:
        yield from ("", f"## {title}", "", *beside(runs_of(done, path.stem, slug)))
    yield from ("", "## Partitions", "", *PARTITIONS.splitlines(), "")
    yield from partitions_table([(title, runs_of(done, path.stem, slug)) for path, slug, title in GROUPS])
    yield from ("", *LOST.splitlines(), "", "## Beside the paper's claims", "", *CLAIMS.splitlines(), "")
    yield from _claims(runs_of(done, TWO.stem, "cell"))


def _claims(runs: Sequence[Recorded]) -> list[str]:
    published = ratios(*published_plans(PAPER))
    mine: Mapping[str, float] = {}
    if runs:
        rows = runs[0]["baselines"]
        mine = ratios(
            Contender.of(runs[0]["plan"]), *(Contender.of(rows[name]) for name in ("teacher", "distilled_split"))
        )
    return table(
        ["against", "claim", "ours, published networks", "ours, MNIST", "why they differ"],
        [
            [title, claim, f"{published[name]:.3g}", f"{mine[name]:.3g}" if name in mine else "", NOTES[name]]
            for name, title, claim in (
                ("memory", "memory per node, teacher", "24"),
                ("compute", "computing time, teacher", "12"),
                ("total", "total latency, teacher", ""),
                ("compute_energy", "energy of computing per node, teacher", "14"),
                ("energy", "all energy per node, teacher", "14"),
                ("split", "total latency, split compressed network", "33"),
            )
        ],
    )


STUDY = Study(
    "nonn",
    "Networks of neural networks",
    [TEACHER, TWO, FOUR, SMALL],
    render,
    further=plan_of_run,
    taught=(TWO, FOUR, SMALL),
)
