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

    personalized: bool = False
    """Whether to measure the model that each client would use for itself on its own held-out samples, in evaluated
    rounds: its own one where the strategy gives it one, else the global one as it is. Of at most 100 clients drawn
    once, the mean accuracy."""

    held_out_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of each client's samples that is kept from training to measure personalized; a data set whose own clients
    have test samples keeps none, and those are used."""

    fairness: bool = False
    """Whether to measure the global model on the own samples of each client, of at most 200 clients drawn once, in
    evaluated rounds: the mean accuracy of the worst tenth, the standard deviation, and a table; costs one more pass
    over their samples."""
