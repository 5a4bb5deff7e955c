"""The table of a model: what each layer is, and what it costs."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.core.errors import Problem
from engine.core.sample import SampleSpec
from engine.models.model import Model
from engine.models.profile import LayerRow, Profile, profile
from webapp.previews.parts import Parts


@dataclass(frozen=True)
class LayerTable:
    """The layers of a declared model.

    Attributes:
        profile: what it costs.
    """

    profile: Profile

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Each layer with its shares of all parameters and of all work."""
        most_parameters = max((row.num_parameters for row in self.profile.rows()), default=0)
        most_macs = max((_macs(row) for row in self.profile.rows()), default=0)
        return [
            {
                "layer": row,
                "shape": " × ".join(map(str, row.output_shape)),
                "macs": _macs(row),
                "parameters_bar": _bar(row.num_parameters, most_parameters),
                "macs_bar": _bar(_macs(row), most_macs),
            }
            for row in self.profile.rows()
        ]

    @property
    def output_bytes(self) -> int:
        """Bytes of the outputs of all layers, per sample."""
        return sum(row.output_bytes for row in self.profile.rows())


@dataclass(frozen=True)
class ModelTable(LayerTable):
    """A model on the samples of a data set.

    Attributes:
        model: the model.
        batch_size: samples per step.
        copies: further copies of the weights.
    """

    model: Model
    batch_size: int
    copies: int

    @property
    def training_bytes(self) -> int:
        """Memory to train with its batch."""
        return self.profile.training_bytes(self.batch_size, self.copies)

    def as_json(self) -> dict[str, Any]:
        """The table for programs."""
        found = self.profile
        return {
            "num_parameters": found.num_parameters,
            "macs": found.macs,
            "total_macs": found.total_macs,
            "parameter_bytes": found.parameter_bytes,
            "peak_activation_bytes": found.peak_activation_bytes,
            "inference_bytes": found.inference_bytes,
            "training_bytes": self.training_bytes,
            "batch_size": self.batch_size,
            "optimizer_copies": self.copies,
            "layers": [
                {
                    "name": row.name,
                    "kind": row.kind,
                    "inputs": list(row.inputs),
                    "output_shape": list(row.output_shape),
                    "num_parameters": row.num_parameters,
                    "macs": row.macs,
                    "output_bytes": row.output_bytes,
                }
                for row in found.rows()
            ],
        }


def model_table(parts: Parts) -> tuple[ModelTable | None, tuple[Problem, ...]]:
    """The table of a task's model on its data set, or why there is none."""
    if parts.model is None or parts.dataset is None:
        return None, parts.problems.get("model", ())
    sample = parts.dataset.sample()
    wrong = tuple(parts.model.check(sample))
    if wrong:
        return None, wrong
    return ModelTable(profile_of(parts.model, sample), parts.model, parts.batch_size, parts.copies), ()


@lru_cache(maxsize=64)
def profile_of(model: Model, sample: SampleSpec) -> Profile:
    """What a model costs on such samples."""
    return profile(model.declare(sample))


def _macs(row: LayerRow) -> int:
    return sum(count for operator, count in row.macs.items() if operator != "other")


def _bar(value: int, most: int) -> float:
    return round(60 * value / most, 1) if most else 0.0
