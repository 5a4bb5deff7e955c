"""Training on turned labels."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.federated.attack import Attack, Target, attacks


@attacks.register
class LabelFlip(Attack):
    """Malicious clients train on labels turned around: of C classes, label y becomes C - 1 - y."""

    poisons: ClassVar[bool] = True
    source: ClassVar[str] = (
        "Yin et al., Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, ICML 2018, section 7"
    )
    equation: ClassVar[str] = "y ← C − 1 − y"
    kind: Literal["label_flip"] = "label_flip"
    """Labels in reverse order of classes."""

    @override
    def poison(
        self, x: np.ndarray, y: np.ndarray, target: Target, draw: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        return x, target.sample.num_classes - 1 - y
