"""What the pages say of a model's file: its card, and what follows from the declaration in it."""

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from engine.core.json import plain
from engine.core.registry import kind_of
from engine.datafree.owner.metadata_file import Head, MetadataError, read_head
from engine.models.graph import Graph
from engine.models.model_file import MalformedModel, ModelCard, read_card
from engine.models.profile import profile
from webapp.trained.models import Content

logger = logging.getLogger(__name__)

T = TypeVar("T")


@lru_cache(maxsize=4096)
def card_of(sha256: str) -> ModelCard | None:
    """The card of a file in the store; None if it has none. The hash names the content, so the answer never changes.

    Raises:
        FileNotFoundError: the file is not there.
    """
    return _said_by(sha256, read_card, MalformedModel, "model")


def _said_by(sha256: str, read: Callable[[Path], T], refusal: type[Exception], what: str) -> T | None:
    try:
        return read(Path(settings.ARTIFACTS_FOLDER) / sha256)
    except refusal as error:
        logger.info("no %s: %s: %s", what, sha256, error)
        return None


def facts_of(graph: Graph) -> dict[str, Any]:
    """Figures of a declared model, in SI units and whole numbers."""
    found = profile(graph)
    return {
        "sample": plain(graph.sample.model_dump(mode="json")),
        "num_parameters": found.num_parameters,
        "parameter_bytes": found.parameter_bytes,
        "total_macs": found.total_macs,
        "peak_activation_bytes": found.peak_activation_bytes,
        "num_layers": len(graph.nodes),
    }


@lru_cache(maxsize=4096)
def head_of(sha256: str) -> Head | None:
    """What a metadata file in the store says of itself; None if it is none.

    Raises:
        FileNotFoundError: the file is not there.
    """
    return _said_by(sha256, read_head, MetadataError, "metadata")


def columns_of_head(head: Head) -> dict[str, Any]:
    """What of a metadata file stands in its row."""
    method = head.settings
    facts = {
        "kind": kind_of(type(method)), "num_samples": head.num_samples, "teacher": head.teacher,
        "guarantee": method.guarantee(), "epsilon": method.epsilon(), "leaks": method.leaks,
        "sample": plain(head.sample.model_dump(mode="json")),
    }  # fmt: skip
    return {"content": Content.METADATA, "model": None, "dataset": None, "accuracy": None, "facts": facts}


def columns_of(card: ModelCard) -> dict[str, Any]:
    """What of a card stands in the row of a model."""
    return {
        "model": None if card.model is None else dict(card.model),
        "dataset": None if card.dataset is None else dict(card.dataset),
        "accuracy": card.accuracy,
        "facts": facts_of(card.graph),
    }
