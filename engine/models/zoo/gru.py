"""A recurrent classifier of sequences."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.models.layers import Recurrent
from engine.models.model import Model, models
from engine.models.sketch import Sketch


@models.register
class Gru(Model):
    """Layers of gated recurrent units over time; the last state of the last layer is classified.

    With labels per position every state is.
    """

    source: ClassVar[str] = (
        "K. Cho et al., Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation, "
        "EMNLP 2014, section 2.3"
    )
    sample_kinds: ClassVar[frozenset[str]] = frozenset({"sequence"})
    kind: Literal["gru"] = "gru"

    hidden: int = Field(default=64, ge=1, le=4096)
    """Units per layer."""

    num_layers: int = Field(default=1, ge=1, le=8)
    """Number of layers."""

    @override
    def declare(self, sample: SampleSpec) -> Graph:
        sketch = Sketch(sample)
        for number in range(1, self.num_layers + 1):
            keeps_time = sample.per_position or number < self.num_layers
            sketch.add(f"gru{number}", Recurrent("gru", self.hidden, return_sequence=keeps_time))
        return sketch.finish()
