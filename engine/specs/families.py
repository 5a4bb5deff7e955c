"""All families of components and catalogues of figures that a spec can name, by the name that users see."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from engine.core.registry import Registry
from engine.data.dataset import datasets
from engine.data.drift import drifts
from engine.data.partitioner import partitioners
from engine.datafree.distiller import distillers
from engine.datafree.metadata import metadata
from engine.datafree.pruner import pruners
from engine.datafree.quantizer import quantizers
from engine.datafree.synthesizer import synthesizers
from engine.datafree.teacher import teachers
from engine.encodings.encoding import encodings
from engine.federated.aggregator import aggregators
from engine.federated.attack import attacks
from engine.federated.coordination import coordinations
from engine.federated.graph import graphs
from engine.federated.sampler import samplers
from engine.federated.scheduler import schedulers
from engine.federated.staleness import staleness_weights
from engine.federated.strategy import strategies
from engine.fleet.availability import availability
from engine.fleet.catalogue import builtin_devices, devices
from engine.inference.partition import partitions
from engine.inference.placer import placers
from engine.inference.splitter import splitters
from engine.models.model import models
from engine.network.catalogue import links
from engine.network.topology import topologies
from engine.privacy.clipping import clippings
from engine.privacy.mechanism import mechanisms
from engine.task.contract import tasks
from engine.training.augmentation import augmentations
from engine.training.optimizer import optimizers
from engine.training.rate_schedule import rate_schedules

_REGISTRIES: tuple[Registry[Any], ...] = (
    tasks, datasets, partitioners, drifts, augmentations, models, strategies, optimizers,
    rate_schedules, aggregators, samplers, schedulers, staleness_weights, coordinations, graphs, encodings,
    mechanisms, clippings, attacks,
    teachers, metadata, synthesizers, distillers, pruners, quantizers, splitters, partitions, placers,
    topologies, availability,
)  # fmt: skip

FAMILIES: Mapping[str, Registry[Any]] = MappingProxyType({registry.family: registry for registry in _REGISTRIES})
"""Every registry by the plural name of its family."""

CATALOGUES: Mapping[str, Callable[[], Mapping[str, Any]]] = MappingProxyType({"devices": devices, "links": links})
"""Catalogues of measured figures, which are rows of a file and not classes."""

BUILT_IN: Mapping[str, Callable[[], Mapping[str, Any]]] = MappingProxyType({"devices": builtin_devices, "links": links})
"""The same without what was added on this installation: what documents tell."""


def names_of(family: str) -> tuple[str, ...]:
    """The kinds of a family or the ids of a catalogue.

    Raises:
        KeyError: there is no such family.
    """
    return tuple(FAMILIES[family].members() if family in FAMILIES else CATALOGUES[family]())
