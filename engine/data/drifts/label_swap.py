"""Two labels that change places."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.core.sample import SampleSpec
from engine.data.drift import Drift, drifts


@drifts.register
class LabelSwap(Drift):
    """From one round to the next, samples of two classes bear each other's label: a sudden, real concept drift.

    With a period the old labels come back after as many rounds, and so on in turns.
    """

    source: ClassVar[str] = (
        "E. Jothimurugesan et al., Federated Learning under Distributed Concept Drift, AISTATS 2023, section 5.1; "
        "J. Gama et al., A Survey on Concept Drift Adaptation, ACM Computing Surveys 2014, section 2 (recurring)"
    )
    kind: Literal["label_swap"] = "label_swap"
    """Two labels change places."""

    first: Annotated[int, Field(ge=0, le=99_999)] = 1
    """One of the two classes, counted from 0."""

    second: Annotated[int, Field(ge=0, le=99_999)] = 2
    """The other class, counted from 0."""

    period_rounds: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Rounds after which the labels change places again; empty: they stay as they are."""

    @override
    def stage(self, num_rounds: int) -> float:
        return 1.0 if self.period_rounds is None else float(1 - num_rounds // self.period_rounds % 2)

    @override
    def change(
        self, x: np.ndarray, y: np.ndarray, stage: float, draw: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        swapped = y.copy()
        swapped[y == self.first] = self.second
        swapped[y == self.second] = self.first
        return x, swapped

    @override
    def check(self, sample: SampleSpec) -> list[Problem]:
        last = sample.num_classes - 1
        found = [
            Problem(name, "out_of_range", f"Allowed are the classes 0 to {last} of the data set; {value} was given.")
            for name, value in (("first", self.first), ("second", self.second))
            if value > last
        ]
        if self.first == self.second:
            found.append(Problem("second", "same_class", f"Two different classes are needed; both are {self.first}."))
        return found
