"""A language model over characters."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.models.layers import Embedding, Recurrent
from engine.models.model import Model, models
from engine.models.sketch import Sketch


@models.register
class CharLstm(Model):
    """Predicts the next character: an embedding of 8 numbers, two LSTM layers of 256 units, one output per character.

    With labels per position it predicts after every character, else after the last one only.
    """

    source: ClassVar[str] = (
        "H. B. McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, "
        "AISTATS 2017, section 3 (Shakespeare LSTM)"
    )
    sample_kinds: ClassVar[frozenset[str]] = frozenset({"tokens"})
    kind: Literal["char_lstm"] = "char_lstm"

    embedding: int = Field(default=8, ge=1, le=1024)
    """Length of the vector of a character."""

    hidden: int = Field(default=256, ge=1, le=4096)
    """Units per layer."""

    num_layers: int = Field(default=2, ge=1, le=8)
    """Number of layers."""

    @override
    def declare(self, sample: SampleSpec) -> Graph:
        sketch = Sketch(sample)
        sketch.add("embed", Embedding(sample.vocabulary, self.embedding))
        for number in range(1, self.num_layers + 1):
            keeps_time = sample.per_position or number < self.num_layers
            sketch.add(f"lstm{number}", Recurrent("lstm", self.hidden, return_sequence=keeps_time))
        return sketch.finish()
