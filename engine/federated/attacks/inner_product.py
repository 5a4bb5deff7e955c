"""Pulling against the direction of the honest clients."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.federated.aggregators.mean import weighted_mean
from engine.federated.attack import Attack, attacks


@attacks.register
class InnerProduct(Attack):
    """All malicious clients send the mean of the honest updates of the round, times ``-epsilon``.

    What the server then takes may point away from where the honest clients go. If a round has no honest client, they
    turn the mean of their own updates.
    """

    crafts: ClassVar[bool] = True
    source: ClassVar[str] = (
        "Xie et al., Fall of Empires: Breaking Byzantine-tolerant SGD by Inner Product Manipulation, UAI 2019"
    )
    equation: ClassVar[str] = "uₖ ← −ε · mean of the honest uᵢ"
    kind: Literal["inner_product"] = "inner_product"
    """The honest mean, turned around."""

    epsilon: Annotated[float, Field(gt=0, le=1e6)] = 0.5
    """How many times as long as the honest mean. Below 1 it hides among honest updates and misleads Krum and the
    median; the mean of a round with f of m clients malicious is turned by more than (m - f) / f."""

    @override
    def craft(self, updates: np.ndarray, is_malicious: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        seen = updates[is_malicious if is_malicious.all() else ~is_malicious]
        sent = weighted_mean(seen, np.ones(len(seen))) * updates.dtype.type(-self.epsilon)
        return np.broadcast_to(sent, (int(is_malicious.sum()), updates.shape[1]))
