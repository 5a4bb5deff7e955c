"""What a teacher in a file must be."""

from pathlib import Path

from engine.core.errors import EngineError, Problem
from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.models.model_file import MalformedModel, read_card


def stored_graph(path: Path, sample: SampleSpec) -> Graph:
    """The network of a file of weights.

    Raises:
        MalformedModel: it has no card, or its network takes other samples.
    """
    card = read_card(path)
    if card is None:
        raise MalformedModel("the file has no card that says which network its weights belong to")
    found = card.graph.sample
    if (found.kind, found.shape, found.num_classes) != (sample.kind, sample.shape, sample.num_classes):
        raise MalformedModel(f"the model takes {_text(found)}; the data set has {_text(sample)}")
    return card.graph


def stored_problems(path: Path, sample: SampleSpec, field: str) -> list[Problem]:
    """Why the file is no teacher for such samples."""
    try:
        stored_graph(path, sample)
    except EngineError as error:
        return [Problem(field, error.code, str(error))]
    return []


def _text(sample: SampleSpec) -> str:
    size = "x".join(map(str, sample.shape))
    return f"{sample.kind} samples of shape {size} in {sample.num_classes} classes"
