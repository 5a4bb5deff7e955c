"""What a data set and its partition look like: counts, pictures and texts, without training and without torch.

Loading a large set may take seconds on first use, so the web calls these from jobs.
"""

from dataclasses import dataclass

import numpy as np

from engine.data.dataset import Dataset, Split, SplitName
from engine.data.images import png
from engine.data.partitioner import Partitioner
from engine.data.store import DataStore

MOST_ROWS = 200
"""Rows of a class map; more clients are put together."""

MOST_CLASSES = 100
"""Columns of a class map; more classes are put together."""

MOST_READ = 2000
"""Clients of a set with clients of its own that are made or read for a class map, evenly spaced over all."""

SMALLEST_EDGE = 64
"""Pixels along the longer edge that a picture has at least; smaller ones are enlarged by a whole number."""

TEXT_LENGTH = 80


@dataclass(frozen=True)
class ClassCounts:
    """How many samples each class has.

    Attributes:
        names: names of the classes.
        counts: (K,) samples, or positions where each position has a label.
    """

    names: tuple[str, ...]
    counts: np.ndarray


@dataclass(frozen=True)
class Shown:
    """A sample to look at.

    Attributes:
        index: its place in the split.
        label: name of its class; empty where it has one label per position.
        png: a picture, as a PNG file; empty for a sample that is none.
        text: what it says, for texts and features.
    """

    index: int
    label: str
    png: bytes
    text: str


@dataclass(frozen=True)
class ClassMap:
    """How many samples of each class each client holds.

    Attributes:
        classes: names of the columns; a range where several classes are one column.
        first: (R,) first client of each row.
        last: (R,) last client of each row, included.
        counts: (R, columns) training samples, of all clients of the row together.
        num_clients: clients in all.
        num_read: clients that were counted; fewer than all only for very many generated clients.
    """

    classes: tuple[str, ...]
    first: np.ndarray
    last: np.ndarray
    counts: np.ndarray
    num_clients: int
    num_read: int


def class_counts(dataset: Dataset, store: DataStore, split: SplitName = "train") -> ClassCounts:
    """The histogram of classes of a split.

    Raises:
        DataUnavailable: the data set is not on this machine and cannot be fetched.
    """
    names = dataset.class_names()
    return ClassCounts(names, np.bincount(dataset.labels(store, split).reshape(-1), minlength=len(names)))


def samples(dataset: Dataset, store: DataStore, split: SplitName = "train", count: int = 20) -> list[Shown]:
    """Some samples to look at, of all classes in turn; always the same.

    Args:
        dataset: the set.
        store: where its files lie.
        split: which split.
        count: how many, fewer if there are not so many.

    Raises:
        DataUnavailable: the data set is not on this machine and cannot be fetched.
    """
    loaded = dataset.load(store, split)
    chosen = (
        _of_all_classes(loaded.y, count) if loaded.y.ndim == 1 else np.linspace(0, len(loaded) - 1, count, dtype=int)
    )
    return [_shown(dataset, loaded, int(index)) for index in dict.fromkeys(chosen.tolist())]


def class_map(dataset: Dataset, partition: Partitioner, num_devices: int, store: DataStore, seed: int = 0) -> ClassMap:
    """Who holds how many samples of which class.

    Args:
        dataset: the set.
        partition: how it is spread.
        num_devices: devices of the fleet; as many parts as the partition makes of them are shown.
        store: where files lie.
        seed: seed of the run.

    Raises:
        SpecError: the set cannot be spread so; ``partition.suits`` tells that without loading it.
        DataUnavailable: the data set is not on this machine and cannot be fetched.
    """
    names = dataset.class_names()
    if partition.reads_own_clients(dataset):
        num_clients = dataset.num_natural_clients or 0
        labels = [dataset.client(store, int(client)).train.y for client in _spread(num_clients, MOST_READ)]
        read = _spread(num_clients, MOST_READ)
    else:
        num_clients = partition.num_shards(num_devices)
        y = dataset.labels(store, "train")
        parts = partition.split(y, num_clients, seed, dataset.owners(store, "train"))
        labels, read = [y[part] for part in parts], np.arange(num_clients)
    column_of = _groups(len(names), MOST_CLASSES)
    row_of = _groups(len(read), MOST_ROWS)
    counts = np.zeros((int(row_of[-1]) + 1, int(column_of[-1]) + 1), dtype=np.int64)
    for row, part in zip(row_of, labels, strict=True):
        counts[row] += np.bincount(column_of[part.reshape(-1)], minlength=counts.shape[1])
    first = read[np.searchsorted(row_of, np.arange(len(counts)))]
    last = np.append(first[1:] - 1, num_clients - 1)
    return ClassMap(_column_names(names, column_of), first, last, counts, num_clients, len(read))


def _groups(count: int, most: int) -> np.ndarray:
    """The group of each of several things in order, (count,); every group is as large as the others, or one smaller."""
    return np.arange(count) * min(count, most) // count


def _spread(count: int, most: int) -> np.ndarray:
    """At most so many numbers below the count, evenly spaced, increasing."""
    kept = min(count, most)
    return np.arange(kept, dtype=np.int64) * count // kept


def _column_names(names: tuple[str, ...], column_of: np.ndarray) -> tuple[str, ...]:
    groups = [
        [name for name, column in zip(names, column_of, strict=True) if column == k] for k in np.unique(column_of)
    ]
    return tuple(group[0] if len(group) == 1 else f"{group[0]} .. {group[-1]}" for group in groups)


def _of_all_classes(y: np.ndarray, count: int) -> np.ndarray:
    """Places of samples: the first of each class, the second of each, and so on."""
    order = np.argsort(y, kind="stable")
    starts = np.searchsorted(y[order], y[order])
    rank = np.empty(len(y), dtype=np.int64)
    rank[order] = np.arange(len(y)) - starts
    chosen: np.ndarray = np.lexsort((y, rank))[:count]
    return chosen


def _shown(dataset: Dataset, split: Split, index: int) -> Shown:
    sample, names = dataset.sample(), dataset.class_names()
    x, y = np.asarray(split.x[index]), split.y[index]
    label = "" if y.ndim else names[int(y)]
    match sample.kind:
        case "image" | "sequence":
            return Shown(index, label, png(_enlarged(_pixels(dataset, x))), "")
        case "tokens":
            return Shown(index, label, b"", _text(dataset, x))
        case "features":
            shown = ", ".join(f"{value:.3g}" for value in x[:12])
            return Shown(index, label, b"", shown if len(x) <= 12 else f"{shown}, ... ({len(x)} numbers)")


def _text(dataset: Dataset, tokens: np.ndarray) -> str:
    """Tokens as text where the vocabulary is that of the labels, else as numbers."""
    names = dataset.class_names()
    if len(names) != dataset.sample().vocabulary:
        return " ".join(map(str, tokens[:TEXT_LENGTH].tolist()))
    signs = {"blank": " ", "line end": " / "}
    return "".join(signs.get(names[token], names[token]) for token in tokens[:TEXT_LENGTH].tolist())


def _pixels(dataset: Dataset, x: np.ndarray) -> np.ndarray:
    """A sample as pixels (C, H, W): by the set's constants, else from its least to its largest value, time across."""
    constants = dataset.pixels()
    if constants is not None:
        return constants.shown(x)
    low, high = float(x.min()), float(x.max())
    scaled: np.ndarray = np.rint((x - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
    channels = scaled if x.ndim == 3 else scaled[np.newaxis]
    return channels[:1].transpose(0, 2, 1)[:, ::-1]  # a spectrogram is read with time across and low bands below


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    times = max(1, -(-SMALLEST_EDGE // max(pixels.shape[1:])))
    return np.ascontiguousarray(pixels.repeat(times, axis=1).repeat(times, axis=2))
