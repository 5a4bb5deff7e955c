"""The settings of evaluation that a user can choose."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.core.component import Component


class EvaluationSettings(Component):
    """How the global model is measured while it trains."""

    source: ClassVar[str] = "McMahan et al., Communication-Efficient Learning of Deep Networks, 2017, section 3"

    every_rounds: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Rounds from one evaluation to the next; the last round is always evaluated."""

    split: Literal["test"] = "test"
    """Which samples: the held-out test split of the data set, which no client trains on."""

    target_accuracy: Annotated[float, Field(gt=0, le=1)] | None = None
    """Accuracy, a share from 0 to 1, at which the run stops; empty to train all rounds."""

    divergence: bool = False
    """Whether to measure how far the clients' mean activations lie apart after local training, in evaluated rounds;
    costs one more pass over the clients' samples."""

    fairness: bool = False
    """Whether to measure the global model on the own samples of each client, of at most 200 clients drawn once, in
    evaluated rounds: the mean accuracy of the worst tenth, the standard deviation, and a table; costs one more pass
    over their samples."""
