"""The table of a model's layers, from the card of its file."""

from engine.models.model_file import ModelCard
from engine.models.profile import profile
from webapp.previews.modeltable import LayerTable


def layers_of(card: ModelCard) -> LayerTable:
    """Each layer with its parameters, work and bytes."""
    return LayerTable(profile(card.graph))
