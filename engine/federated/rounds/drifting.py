"""Where a drift takes hold in a run: what clients train on in a round, and what the model is measured on."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.data.dataset import Split
from engine.data.drift import Drift
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.training.block import Samples


def drifted(drift: Drift, context: Context, round_number: int, clients: Sequence[int], samples: "Samples") -> "Samples":
    """The samples of these clients as they are in a round.

    They are the given ones as long as nothing has changed. Otherwise only the rows of these clients are copied, so that
    a block never copies a whole data set.
    """
    from engine.training.block import Samples

    stages = [drift.stage_of(client, round_number) for client in clients]
    if not any(stages):
        return samples
    parts = []
    for client, places, stage in zip(clients, samples.places, stages, strict=True):
        x, y = samples.x[places], samples.y[places]
        changes = stage and len(x)
        parts.append(drift.change(x, y, stage, context.stream("drift", client)) if changes else (x, y))
    ends = np.cumsum([len(y) for _, y in parts])
    together = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    return Samples(*together, np.split(np.arange(ends[-1]), ends[:-1]))


def measured_splits(
    drift: Drift | None, context: Context, round_number: int, test: Split
) -> Iterator[tuple[Split, float]]:
    """The test samples at every stage that clients are in, with the share of the clients."""
    if drift is None:
        yield test, 1.0
        return
    for stage, share in drift.stages(context.fleet.num_devices, round_number).items():
        changed = drift.change(test.x, test.y, stage, context.stream("drift", "test")) if stage else (test.x, test.y)
        yield Split(*changed), share
