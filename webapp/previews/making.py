"""Makes previews from their requests: plain data for templates and the API, and pictures."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from engine.core.json import plain
from engine.data import preview
from engine.data.dataset import Dataset
from engine.data.store import DataStore
from engine.network.measures import measures
from webapp.library.parts import fleet_of, network_of
from webapp.previews.parts import read_part
from webapp.previews.wanted import Wanted

Made = tuple[dict[str, Any], list[bytes]]
"""Plain data, and pictures by their number."""


def make(wanted: Wanted) -> Made:
    """The preview that is wanted.

    Raises:
        EngineError: it cannot be made; the message says why and the remedy what to do.
    """
    makers: Mapping[str, Callable[[Mapping[str, Any]], Made]] = {
        "samples": _samples,
        "class_map": _class_map,
        "measures": _measures,
    }
    return makers[wanted.kind](wanted.arguments)


def offline_store() -> DataStore:
    """The data sets of this machine; a look at one never downloads it."""
    store = DataStore.from_environment()
    store.offline = True
    return store


def _samples(arguments: Mapping[str, Any]) -> Made:
    dataset, store = _dataset(arguments), offline_store()
    shown = preview.samples(dataset, store, "train", arguments["count"])
    train, test = (preview.class_counts(dataset, store, split) for split in ("train", "test"))
    pictures = [sample.png for sample in shown if sample.png]
    numbers = iter(range(len(pictures)))
    data = {
        "num_train": dataset.num_samples("train"),
        "num_test": dataset.num_samples("test"),
        "unit": "positions" if dataset.sample().per_position else "samples",
        "classes": [
            {"name": name, "train": int(a), "test": int(b)}
            for name, a, b in zip(train.names, train.counts, test.counts, strict=True)
        ],
        "samples": [
            {
                "index": sample.index,
                "label": sample.label,
                "text": sample.text,
                "picture": next(numbers) if sample.png else None,
            }
            for sample in shown
        ],
    }
    return data, pictures


def _class_map(arguments: Mapping[str, Any]) -> Made:
    dataset, partition = _dataset(arguments), read_part("partition", arguments["partition"])
    found = preview.class_map(dataset, partition, arguments["num_devices"], offline_store(), arguments["seed"])
    data = {
        "classes": list(found.classes),
        "first": found.first,
        "last": found.last,
        "counts": found.counts,
        "num_clients": found.num_clients,
        "num_read": found.num_read,
        "summary": _spread(found.counts, found.last - found.first + 1),
    }
    return {name: plain(value) for name, value in data.items()}, []


def _spread(counts: np.ndarray, width: np.ndarray) -> dict[str, float | None]:
    """How unlike the rows are: samples per client, classes per client, distance from the mix of all.

    The distance is the mean total variation distance between a row's shares of classes and those of all samples.
    """
    totals = counts.sum(axis=1)
    filled = totals > 0
    if not filled.any():
        return {"least": 0.0, "median": 0.0, "most": 0.0, "classes": 0.0, "distance": None}
    shares = counts[filled] / totals[filled, np.newaxis]
    overall = counts.sum(axis=0) / counts.sum()
    each = totals / width
    return {
        "least": float(each.min()),
        "median": float(np.median(each)),
        "most": float(each.max()),
        "classes": float((counts[filled] > 0).sum(axis=1).mean()),
        "distance": float(np.abs(shares - overall).sum(axis=1).mean() / 2),
    }


def _measures(arguments: Mapping[str, Any]) -> Made:
    fleet = fleet_of(arguments["fleet"])
    found = measures(network_of(arguments["network"]).resolve(fleet))
    return {"measures": [plain(asdict(measure)) for measure in found]}, []


def _dataset(arguments: Mapping[str, Any]) -> Dataset:
    dataset = read_part("dataset", arguments["dataset"])
    assert isinstance(dataset, Dataset)
    return dataset
