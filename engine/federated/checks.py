"""What can be wrong with a federated task on a given fleet, told before anything is loaded."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from engine.core.errors import Problem
from engine.core.registry import kind_of
from engine.costs.memory import memory_problems
from engine.costs.plan import message_problems
from engine.federated.combinations import refused
from engine.federated.coordinations.gossip import Gossip
from engine.federated.coordinations.hierarchical import HierarchicalCoordination
from engine.federated.expectation import mean_samples
from engine.federated.private.budget import typical_turn
from engine.federated.robustness.adversary import target_of
from engine.federated.rounds.messages import shape_only
from engine.federated.rounds.packing import named
from engine.federated.rounds.population import shard_count
from engine.federated.rounds.route import ROWS_BYTES, route_of
from engine.federated.rounds.traffic import exchange_of, messages_of, profile_of
from engine.federated.schedulers.buffered import Buffered
from engine.models.profile import Profile
from engine.task.contract import Context
from engine.training.chain import chain_of
from engine.training.optimizers.sgd import Sgd
from engine.training.plans import cohort_obstacle

if TYPE_CHECKING:
    from engine.federated.task import Federated

MODELS_BYTES = 4 << 30
"""Models of their own that devices may have at most, all together, in bytes."""


def problems_of(task: "Federated", context: Context) -> list[Problem]:
    """All problems, paths relative to the task."""
    if unknown := below("dataset", task.dataset.check()):
        return unknown  # an upload that is not here has no shape that anything else could be checked against
    sample = task.dataset.sample()
    unfit = below("model", task.model.check(sample))
    return [
        *([] if unfit else refused(task)),
        *below("sampler", task.sampler.check(context.fleet.num_devices)),
        *_aggregator(task, context),
        *_timing(task, context),
        *below("encoding", task.encoding.check()),
        *_attack(task, context.fleet.num_devices),
        *_privacy(task, context.fleet.num_devices),
        *_secrecy(task, context.fleet.num_devices),
        *([] if task.drift is None else below("drift", task.drift.check(sample))),
        *_partition(task, context.fleet.num_devices),
        *(found for place, step in enumerate(task.augment) for found in below(f"augment.{place}", step.check(sample))),
        *unfit,
        *([] if unfit else _model(task, context)),
    ]


def below(part: str, problems: list[Problem]) -> list[Problem]:
    """The problems of a part, with paths relative to the task."""
    return [Problem(f"{part}.{found.path}".rstrip("."), found.code, found.message) for found in problems]


def _attack(task: "Federated", num_devices: int) -> list[Problem]:
    return [] if task.attack is None else below("attack", task.attack.check(target_of(task.dataset), num_devices))


def _privacy(task: "Federated", num_devices: int) -> list[Problem]:
    if task.privacy is None:
        return []
    found = task.privacy.check(task.sampler.scheme, task.sampler.cohort_size(num_devices))
    shards = shard_count(task.dataset, task.partitioner(), num_devices)
    if task.privacy.level == "example" and task.data_reuse and shards < num_devices:
        message = (
            f"{kind_of(type(task.privacy))} tells the epsilon of a sample on one device, but {num_devices} devices "
            f"share {shards} parts of the data, and a sample pays on each; take at most {shards} devices"
        )
        found = [*found, Problem("kind", "samples_on_several_devices", message)]
    if not found:
        found = task.privacy.first_round(typical_turn(task, num_devices, mean_samples(task, num_devices)))
    return below("privacy", found)


def _secrecy(task: "Federated", num_devices: int) -> list[Problem]:
    if task.secure_aggregation is None:
        return []
    return below("secure_aggregation", task.secure_aggregation.check(task.sampler.cohort_size(num_devices)))


def updates_at_once(task: "Federated", context: Context) -> int:
    """Updates of which one step is made: those of a buffer, of a round, or of its clients below the largest gateway."""
    if isinstance(task.scheduler, Buffered):
        return task.scheduler.buffer_size
    num_devices = context.fleet.num_devices
    size = task.sampler.cohort_size(num_devices)
    if not isinstance(task.coordination, HierarchicalCoordination):
        return size
    return -(-size * int(np.bincount(context.network.gateway_of).max()) // num_devices)


def _aggregator(task: "Federated", context: Context) -> list[Problem]:
    found = below("aggregator", task.aggregator.check(updates_at_once(task, context)))
    if not isinstance(task.coordination, HierarchicalCoordination):
        return found
    where = "; each gateway combines the updates of its own devices only"
    return [Problem(problem.path, problem.code, f"{problem.message}{where}") for problem in found]


def _timing(task: "Federated", context: Context) -> Iterator[Problem]:
    """What the scheduler, the coordination and their models ask of fleet, network and memory."""
    cohort_size = task.sampler.cohort_size(context.fleet.num_devices)
    yield from below("scheduler", task.scheduler.check(cohort_size))
    yield from below("coordination", task.coordination.check(cohort_size, context))
    if isinstance(task.scheduler, Buffered) and context.fleet.batteries is not None:
        message = "buffered does not follow batteries while clients are under way; take mains, or synchronous"
        yield Problem("scheduler.kind", "no_batteries", message)


def _rows(task: "Federated", context: Context) -> Iterator[Problem]:
    """Single updates that would not fit into memory."""
    if not route_of(task).keeps_rows:
        return
    up = messages_of(task)[1]
    values = sum(array.size for array in named(up).values())
    size = updates_at_once(task, context)
    needed = size * values * np.dtype(np.float32).itemsize
    if needed > ROWS_BYTES:
        message = (
            f"the server would have to keep {size} updates of {values:,} values at once, {needed / 2**30:.3g} GiB; "
            f"allowed are {ROWS_BYTES / 2**30:.3g} GiB: take fewer clients per round, a smaller model, or the mean"
        )
        yield Problem("aggregator", "rows_too_large", message)


def _own_models(task: "Federated", context: Context, costs: Profile) -> Iterator[Problem]:
    """Models of all devices that would not fit into memory."""
    needed = costs.parameter_bytes * context.fleet.num_devices
    if isinstance(task.coordination, Gossip) and needed > MODELS_BYTES:
        message = (
            f"each of {context.fleet.num_devices:,} devices has a model of its own, {needed / 2**30:.3g} GiB in all; "
            f"allowed are {MODELS_BYTES / 2**30:.3g} GiB: take fewer devices or a smaller model"
        )
        yield Problem("coordination", "models_too_large", message)


def _partition(task: "Federated", num_devices: int) -> Iterator[Problem]:
    partition = task.partitioner()
    shards = shard_count(task.dataset, partition, num_devices)
    yield from below("partition", partition.suits(task.dataset, shards))
    if shards < num_devices and not task.data_reuse:
        message = (
            f"the data has {shards} parts for the fleet's {num_devices} devices; take at most {shards} devices, or set "
            "data_reuse to true, so that device i holds part i modulo their number"
        )
        yield Problem("data_reuse", "fewer_parts_than_devices", message)


def _model(task: "Federated", context: Context) -> Iterator[Problem]:
    costs = profile_of(task)
    obstacle = cohort_obstacle(
        task.strategy, chain_of(costs.graph), augments=bool(task.augment), is_private=route_of(task).trains_privately,
        is_sgd=isinstance(task.local.optimizer, Sgd),
    )  # fmt: skip
    if task.local.path == "cohort" and obstacle:
        message = f"clients cannot be computed stacked: {obstacle}; allowed here are auto and per_client"
        yield Problem("local.path", "no_cohort_path", message)
    yield from below("strategy", task.strategy.check(costs.graph, task.local))
    copies = extra_copies(task, costs)
    yield from memory_problems(context.fleet, costs, task.local.batch_size, "model", optimizer_copies=copies)
    yield from _rows(task, context)
    yield from _own_models(task, context, costs)
    exchange = exchange_of(task)
    yield from message_problems(context.cost_model, exchange.bytes_down, exchange.bytes_up, "model")


def extra_copies(task: "Federated", costs: Profile) -> int:
    """Tensors of the size of the weights that a device keeps beside weights and gradients.

    For the moments of its optimizer, for what the server sends besides weights, for the client's own state, and for
    what error feedback keeps.
    """
    params = shape_only({info.name: info.shape for info in costs.graph.parameters()})
    sent = task.strategy.message_down(task.strategy.init_server(params))
    kept = task.strategy.init_client(params) or {}
    groups = [arrays for group, arrays in sent.items() if group != "weights"] + list(kept.values())
    extra_bytes = sum(array.nbytes for arrays in groups for array in arrays.values())
    return round(extra_bytes / costs.parameter_bytes) + task.local.num_moments + task.encoding.feeds_back
