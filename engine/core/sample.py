"""The shape of one sample of a data set: what a model declaration is written against."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class SampleSpec(BaseModel):
    """Shape and meaning of one input and its label.

    Attributes:
        kind: ``image`` (C, H, W), ``features`` (F,), ``sequence`` (T, F) or ``tokens`` (T,) of integers.
        shape: the shape of one sample, without the batch axis.
        num_classes: number of classes of a label; for tokens, of the next token.
        vocabulary: number of distinct tokens; 0 unless ``kind`` is ``tokens``.
        per_position: whether there is one label per position (language models) or one per sample.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["image", "features", "sequence", "tokens"]
    shape: tuple[int, ...]
    num_classes: int
    vocabulary: int = 0
    per_position: bool = False
