"""What somebody wants to look at: a kind of preview with its arguments as plain data, named by their digest."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from engine.core.component import Component
from engine.core.numerics import NUMERICS_VERSION
from engine.data.dataset import Dataset
from engine.data.partitioner import Partitioner

Kind = Literal["samples", "class_map", "measures"]
VERSION = 1
"""Raised by any change of what previews look like."""


@dataclass(frozen=True)
class Wanted:
    """A preview to be made.

    Attributes:
        kind: which one.
        arguments: plain data from which it is made.
        content: checksums of what the arguments only name.
        uploads: hashes of the uploads that it shows; only their team may see it.
    """

    kind: Kind
    arguments: Mapping[str, Any]
    content: str = ""
    uploads: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Name of the preview: equal requests have equal ones."""
        whole = [VERSION, NUMERICS_VERSION, self.kind, self.arguments, self.content]
        return hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Plain data, for the file that the worker reads."""
        return {
            "kind": self.kind,
            "arguments": dict(self.arguments),
            "content": self.content,
            "uploads": list(self.uploads),
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> "Wanted":
        """The request that a file tells."""
        return cls(data["kind"], data["arguments"], data["content"], tuple(data["uploads"]))


def samples_of(dataset: Dataset, count: int = 20) -> Wanted:
    """Pictures of samples and the histogram of classes."""
    return Wanted("samples", {"dataset": _tree(dataset), "count": count}, _content(dataset), dataset.uploads())


def class_map_of(dataset: Dataset, partition: Partitioner, num_devices: int, seed: int = 0) -> Wanted:
    """Who holds how many samples of which class."""
    arguments = {
        "dataset": _tree(dataset),
        "partition": _tree(partition),
        "num_devices": num_devices,
        "seed": seed,
    }
    return Wanted("class_map", arguments, _content(dataset), dataset.uploads())


def measures_of(network: Component, fleet: Component) -> Wanted:
    """Distances, load, mixing, cuts and capacity of a network; both parts come with their figures."""
    return Wanted("measures", {"network": _tree(network), "fleet": _tree(fleet)})


def _tree(part: Component) -> Any:
    return json.loads(part.model_dump_json())


def _content(dataset: Dataset) -> str:
    return f"{dataset.checksum()} {dataset.decoding}"
