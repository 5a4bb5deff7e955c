"""Networks of neural networks on CIFAR-10: one teacher whose outputs are computed once, students beside competitors."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.reproduce.networks import beside, plan_of_run
from benchmarks.reproduce.study import Recorded, Study
from benchmarks.reproduce.tables import runs_of

HERE = Path(__file__).parent
TEACHER, TWO, FOUR = (HERE / f"nonn_cifar_{part}.yaml" for part in ("teacher", "2", "4"))

INTRODUCTION = """
CIFAR-10 from JPEG files. One teacher (WRN-16-2, 691,674 parameters, 101 million MACs, 20 epochs of one cycle with flips
and crops) looks at two views of the 45,000 training samples once; students (LeNet-5 of double width, 1.9 million MACs
each) and all that stands beside them take 4,000 steps of 128 against what it said. The authors' teacher is WRN-40-4 and
their training 200 epochs. Costs are the cost model's; columns are those of [MNIST](nonn.md), where the statistics over
seeds and the paper's claims stand. Made by `./edgeloom reproduce nonn_cifar` in legs of some hours.
""".strip()


def render(done: Sequence[Recorded]) -> Iterator[str]:
    """The page's body."""
    yield from INTRODUCTION.splitlines()
    for path, title in ((TWO, "K = 2"), (FOUR, "K = 4")):
        yield from ("", f"## {title}", "", *beside(runs_of(done, path.stem, "cell")))


STUDY = Study(
    "nonn_cifar",
    "Networks of neural networks on CIFAR-10",
    [TEACHER, TWO, FOUR],
    render,
    further=plan_of_run,
    taught=(TWO, FOUR),
    page_name="nonn-cifar",
)
