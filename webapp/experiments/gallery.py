"""Starter designs, each the answer to a question: the spec files of ``examples/gallery``."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.specs.documents import load

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "gallery"


@dataclass(frozen=True)
class Question:
    """A starter design."""

    name: str
    """The file's name without its ending, by which an address names the design."""
    question: str
    look_for: str
    """What to look for in the answer: the sentences under the question."""
    text: str

    def tree(self) -> Any:
        """The design as a plain tree of its own."""
        return load(self.text)


@lru_cache(maxsize=1)
def questions() -> tuple[Question, ...]:
    """All starter designs in the order of their names; the files ship with the platform and do not change under it."""
    return tuple(_read(file) for file in sorted(FOLDER.glob("*.yaml")))


def find(name: str) -> Question | None:
    """The starter design of that name."""
    return next((question for question in questions() if question.name == name), None)


def _read(file: Path) -> Question:
    text = file.read_text(encoding="utf-8")
    remarks = []
    for line in text.splitlines():
        if not line.startswith("# ") or line.startswith("# Data:"):
            break
        remarks.append(line.removeprefix("# "))
    question, *look_for = remarks
    return Question(file.stem, question, " ".join(look_for), text)
