"""Images that turn slowly."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.core.sample import SampleSpec
from engine.core.units import Unit
from engine.data.drift import Drift, drifts


@drifts.register
class Rotation(Drift):
    """Images turn by some degrees more in every round, as by a camera that comes loose: a gradual shift of the inputs.

    Turned counterclockwise around the middle, with linear interpolation; the border's pixels fill the corners.
    """

    source: ClassVar[str] = (
        "D. Lopez-Paz, M. Ranzato, Gradient Episodic Memory for Continual Learning, NeurIPS 2017, section 4 (rotated "
        "MNIST); J. Gama et al., A Survey on Concept Drift Adaptation, ACM Computing Surveys 2014, section 2 (gradual)"
    )
    kind: Literal["rotation"] = "rotation"
    """Images turn slowly."""

    speed_deg: Annotated[float, Field(gt=0, le=180), Unit("°")] = 2.0
    """Degrees by which images turn from one round to the next."""

    most_deg: Annotated[float, Field(gt=0, le=360), Unit("°")] = 45.0
    """Degrees at which they stay."""

    @override
    def stage(self, num_rounds: int) -> float:
        return min(self.most_deg, self.speed_deg * (num_rounds + 1))

    @override
    def change(
        self, x: np.ndarray, y: np.ndarray, stage: float, draw: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        from scipy.ndimage import rotate

        turned: np.ndarray = rotate(x, stage, axes=(-2, -1), reshape=False, order=1, mode="nearest")
        return turned, y

    @override
    def check(self, sample: SampleSpec) -> list[Problem]:
        if sample.kind == "image":
            return []
        return [Problem("kind", "does_not_fit", f"Only images can turn; the data set has {sample.kind}.")]
