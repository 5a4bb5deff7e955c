"""Sending the opposite of what was learned."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.federated.attack import Attack, attacks


@attacks.register
class SignFlip(Attack):
    """Malicious clients train honestly and send their update times ``-scale``."""

    crafts: ClassVar[bool] = True
    source: ClassVar[str] = (
        "Li et al., RSA: Byzantine-Robust Stochastic Aggregation Methods for Distributed Learning, AAAI 2019, section 4"
    )
    equation: ClassVar[str] = "uₖ ← −s uₖ"
    kind: Literal["sign_flip"] = "sign_flip"
    """The update with its sign turned."""

    scale: Annotated[float, Field(gt=0, le=1e6)] = 4.0
    """How many times as long as the honest update; 1 only turns the sign, 4 is the paper's."""

    @override
    def craft(self, updates: np.ndarray, is_malicious: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        turned: np.ndarray = updates[is_malicious] * updates.dtype.type(-self.scale)
        return turned
