"""Images as bytes to draw batches from: the synthesized ones, random pixels, and those of another set."""

from typing import TYPE_CHECKING

import numpy as np

from engine.core.streams import stream
from engine.data.dataset import Dataset
from engine.datafree.pieces import BANK
from engine.task.contract import State

if TYPE_CHECKING:
    from engine.datafree.world import World

AT_ONCE = 1000
"""Images that are drawn or fitted at once."""


def bank_of(world: "World", state: State, num_batches: int) -> tuple[np.ndarray, np.ndarray]:
    """The first batches of synthesized images.

    Returns:
        (N, C, H, W) uint8, and (N,) int64: what each was made to show.
    """
    key = BANK + num_batches - 1
    pieces = [state.clients[number] for number in range(BANK, key + 1)]
    kept = world.memory.get("bank")
    if kept is None or len(kept[0]) != num_batches or kept[0][-1] is not pieces[-1]:
        images, labels = (np.concatenate([piece[name] for piece in pieces]) for name in ("images", "labels"))
        kept = world.memory["bank"] = pieces, images, labels
    return kept[1], kept[2]


def noise_pool(world: "World") -> np.ndarray:
    """As many images of random pixels as are synthesized, (N, C, H, W) uint8: normal in standardized space, cut."""
    if "noise" not in world.memory:
        shape, seed = world.task.dataset.sample().shape, world.context.seed
        parts = [
            world.pixels.shown(stream(seed, "noise", first).standard_normal((AT_ONCE, *shape), dtype=np.float32))
            for first in range(0, world.task.num_images, AT_ONCE)
        ]
        world.memory["noise"] = np.concatenate(parts)[: world.task.num_images]
    pool: np.ndarray = world.memory["noise"]
    return pool


def other_pool(world: "World") -> np.ndarray:
    """As many images of another set as are synthesized, all if it has fewer, (N, C, H, W) uint8."""
    dataset = world.task.baselines.out_of_domain
    assert dataset is not None, "this baseline has its set"
    if "other" not in world.memory:
        world.memory["other"] = _fitted(world, dataset)
    pool: np.ndarray = world.memory["other"]
    return pool


def _fitted(world: "World", dataset: Dataset) -> np.ndarray:
    """Some images of another set, as bytes, in the size and channels of the private ones."""
    from engine.datafree.images.foreign import fitted_to

    pixels, shape = dataset.pixels(), world.task.dataset.sample().shape
    assert pixels is not None, "the check admits images only"
    x, draw = world.pool(dataset), stream(world.context.seed, "other images")
    rows = np.sort(draw.permutation(len(x))[: world.task.num_images])
    parts = (pixels.shown(x[rows[first : first + AT_ONCE]]) for first in range(0, len(rows), AT_ONCE))
    return np.concatenate([world.pixels.shown(fitted_to(part, shape, world.pixels).numpy()) for part in parts])
