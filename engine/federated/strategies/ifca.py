"""Clustered learning: several models, each client picks the one that fits it."""

import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.streams import stream
from engine.federated.strategy import Combined, Groups, LocalView, Strategy, Update, moved, strategies
from engine.training.settings import LocalSettings

if TYPE_CHECKING:
    from engine.training.local import Payload, Tensors


@strategies.register
class Ifca(Strategy):
    """Clustered learning: the server keeps several models, and each client trains the one with the lowest loss.

    All models travel down, one comes back. Model j moves by the mean difference, weighted by samples, of the clients
    that picked it. The first one is called the global model; the others start from its numbers in another order.
    The choice costs a pass of every model over the samples; where max_steps or a deadline cuts training short, the
    ledger counts those passes as cut short too.
    """

    source: ClassVar[str] = (
        "Ghosh et al., An Efficient Framework for Clustered Federated Learning, NeurIPS 2020, arXiv 2006.04088, "
        "Algorithm 1, option II (model averaging)"
    )
    equation: ClassVar[str] = "j(k) = argminⱼ Fₖ(θⱼ), θⱼ ← θⱼ + mean of (wₖ − θⱼ) over k with j(k) = j"
    caution: ClassVar[str] = "accuracy is that of the first of several models"
    kind: Literal["ifca"] = "ifca"
    """Clustered learning: several models, each client picks the one that fits it."""

    num_models: Annotated[int, Field(ge=2, le=32)] = 2
    """Number of models (clusters) that the server keeps."""

    def work_factor(self, local: LocalSettings) -> float:
        """A forward pass of every model over the samples before the first step."""
        return 1.0 + self.num_models / (3.0 * local.epochs)

    def init_server(self, params: Mapping[str, np.ndarray]) -> Groups:
        """The model, and for each further one its tensors with their entries in random order: another random start."""
        return {"weights": params, **{name: _shuffled(params, name) for name in self._names()[1:]}}

    def candidates(self, down: "Payload") -> "Sequence[Tensors]":
        """All models."""
        return [down[name] for name in self._names()]

    def models(self, server: Groups) -> Mapping[str, Mapping[str, np.ndarray]]:
        """All models, each in a file of its own."""
        return {name.replace("weights", "model"): server[name] for name in self._names()}

    def personal_models(self, server: Groups, client: Groups) -> Sequence[Mapping[str, np.ndarray]]:
        """All models."""
        return [server[name] for name in self._names()]

    def message_down(self, server: Groups) -> Groups:
        """All models."""
        return {name: server[name] for name in self._names()}

    def message_up(self, server: Groups) -> Groups:
        """The difference of one model, and which one it is: one number per model."""
        first = next(iter(server["weights"].values()))
        return {"weights": server["weights"], "choice": {"picked": np.zeros(self.num_models, first.dtype)}}

    def finish(self, view: LocalView, num_steps: int) -> Update:
        """The difference to the model that was picked."""
        difference = {name: value - view.start[name] for name, value in view.params.items()}
        like = next(iter(difference.values()))
        picked = like.new_zeros(self.num_models)
        picked[view.choice] = 1.0
        tensors = {self._names()[view.choice]: difference, "choice": {"picked": picked}}
        return Update(tensors=tensors, weight=float(view.num_samples[0]))

    def server_step(self, combined: Combined, server: Groups) -> Groups:
        """Each model moves by the mean of those that picked it; one that nobody picked stays."""
        after = dict(server)
        for name, share in zip(self._names(), combined.mean["choice"]["picked"], strict=True):
            if share > 0.0 and name in combined.mean:
                steps = {key: np.asarray(value / share) for key, value in combined.mean[name].items()}
                after[name] = moved(server[name], steps)
        return after

    def _names(self) -> list[str]:
        """The groups of the models."""
        return ["weights", *(f"weights_{place}" for place in range(2, self.num_models + 1))]


def _shuffled(params: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """The tensors with their entries in another order, which depends on their values and so on the run's seed."""
    result = {}
    for key, array in params.items():
        values = np.ascontiguousarray(array)
        draw = stream(zlib.crc32(values.tobytes()), "ifca", name, key)
        result[key] = draw.permutation(values.ravel()).reshape(values.shape)
    return result
