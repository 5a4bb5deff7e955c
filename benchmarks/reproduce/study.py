"""What a study is: specs whose cells are run once per seed, and a page made of those that are recorded."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.core.home import home_folder
from engine.core.numerics import NUMERICS_VERSION
from engine.runs.checkpoint import write_atomically
from engine.runs.folder import RunFolder
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import cells, parse, tree_of

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"

Recorded = dict[str, Any]
"""One finished run as it is kept: ``part``, ``slug``, ``cell``, ``seed``, ``key``, ``metrics``, ``costs``, ``wall_s``,
``series`` (lists by name, a place per evaluated round) and ``made_by`` (versions)."""


@dataclass(frozen=True)
class StudyCell:
    """One run of a study.

    Attributes:
        study: name of the study.
        part: name of the spec file that it comes from.
        label: what tells the cell from the others of its spec.
        slug: the same as a file name.
        spec: the experiment, with one seed and no sweep.
        source: the run whose teacher it takes in place of its own.
    """

    study: str
    part: str
    label: str
    slug: str
    spec: ExperimentSpec
    source: "StudyCell | None" = None

    @property
    def seed(self) -> int:
        """Its one seed."""
        return self.spec.seeds[0]

    @property
    def title(self) -> str:
        """What tells it from the other runs of the study."""
        return f"{self.part}: {self.label}, seed {self.seed}"

    @property
    def name(self) -> str:
        """The name of its file and folder, without ending."""
        return f"{self.part}-{self.slug}-{self.seed}"

    @cached_property
    def key(self) -> str:
        """What was asked for, as a hash of what the study's spec sets; a record of another key counts as missing.

        Versions stand in the record instead: a result over seeds does not go stale with a rounding or a new field.
        What it starts from counts too.
        """
        asked = {name: value for name, value in tree_of(self.spec).items() if name not in ("name", "version")}
        if self.source is not None:
            asked["source"] = self.source.key
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    @property
    def folder(self) -> Path:
        """Where it is run on this machine; an engine of other numerics begins anew, in a folder of its own."""
        return home_folder() / "studies" / self.study / f"{self.name}-{self.key[:12]}-{NUMERICS_VERSION}"

    def runnable(self) -> ExperimentSpec | None:
        """The spec with the teacher of its source, None while that run is not finished here."""
        if self.source is None:
            return self.spec
        file = self.source.folder / "run" / "artifacts" / "teacher.safetensors"
        if not file.is_file():
            return None
        tree = tree_of(self.spec)
        tree["task"]["teacher"] = {"kind": "file", "path": str(file)}
        return parse(json.dumps(tree))

    @property
    def path(self) -> Path:
        """Where its record lies."""
        return RESULTS / "data" / self.study / f"{self.name}.json"

    def recorded(self) -> Recorded | None:
        """Its record, None if it was not run with this spec."""
        if not self.path.is_file():
            return None
        found: Recorded = json.loads(self.path.read_bytes())
        return found if found["key"] == self.key else None

    def record(self, found: Recorded) -> None:
        """Keep a finished run."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kept = {"part": self.part, "slug": self.slug, "cell": self.label, "seed": self.seed, "key": self.key, **found}
        write_atomically(self.path, (json.dumps(kept, ensure_ascii=False, allow_nan=False) + "\n").encode())


Further = Callable[[StudyCell, RunFolder], Recorded]
"""What a study measures on a finished run, given what was run and its folder."""


@dataclass(frozen=True)
class Study:
    """A study.

    Attributes:
        name: what ``./edgeloom reproduce`` calls it.
        title: heading of the page.
        specs: its experiments, in the order of their importance.
        render: the page's body, given what is recorded.
        further: what is measured on the files of a finished run and recorded beside its metrics; None for nothing.
        taught: those of the specs whose runs take a teacher that a run of the first spec has trained: the one of their
            seed, or the first of all where that spec has not their seed.
        page_name: its page is ``docs/results/<page_name>.md``; empty if that is the study's name.
    """

    name: str
    title: str
    specs: Sequence[Path]
    render: Callable[[Sequence[Recorded]], Iterator[str]]
    further: Further | None = None
    taught: Sequence[Path] = ()
    page_name: str = ""

    def cells(self) -> list[StudyCell]:
        """All runs: spec by spec, and the first seed of every cell before the second of any."""
        found: list[StudyCell] = []
        for path in self.specs:
            spec = parse(path.read_bytes())
            for seed in spec.seeds:
                for cell in cells(spec):
                    alone = cell.spec.model_copy(update={"seeds": (seed,)})
                    source = self._teacher_of(found, seed) if path in self.taught else None
                    found.append(StudyCell(self.name, path.stem, cell.label, cell.slug, alone, source))
        return found

    def _teacher_of(self, cells_before: Sequence[StudyCell], seed: int) -> StudyCell:
        mine = [cell for cell in cells_before if cell.part == self.specs[0].stem and cell.seed == seed]
        return (mine or cells_before)[0]

    @property
    def page(self) -> Path:
        """Where its page lies."""
        return RESULTS / f"{self.page_name or self.name}.md"

    def text(self) -> str:
        """The page, from what is recorded now."""
        runs = self.cells()
        there = [(cell, cell.recorded()) for cell in runs]
        done = [found for _, found in there if found is not None]
        missing = [cell.title for cell, found in there if found is None]
        lines = [f"# {self.title}", "", *self.render(done), "", "## What is there", "", self._count(done, len(runs))]
        if missing:
            lines += ["", f"Missing, made by `./edgeloom reproduce {self.name}`:", "", *(f"- {one}" for one in missing)]
        return "\n".join(lines) + "\n"

    def _count(self, done: Sequence[Recorded], total: int) -> str:
        spent_h = sum(found["wall_s"] for found in done) / 3600
        return (
            f"{len(done)} of {total} runs are recorded under `docs/results/data/{self.name}/`. They took {spent_h:.1f} "
            "hours,\neach on one thread of a host that did other work beside it."
        )
