"""Where an attack takes hold in a run: who is malicious, what they train on, what they send, and how far they got."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.json import JsonValue
from engine.core.registry import kind_of
from engine.data.dataset import Dataset, Split
from engine.federated.aggregator import Aggregator
from engine.federated.attack import Attack, Target
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.models.build import GraphModule
    from engine.training.block import Samples

MOST_NAMED = 1000
"""Malicious clients named in the facts of a run; of more, those with the lowest ids, and their number stands."""


def target_of(dataset: Dataset) -> Target:
    """What an attacker knows of a task on this data set."""
    return Target(dataset.sample(), dataset.pixels())


def malicious_of(attack: Attack, context: Context) -> np.ndarray:
    """The ids of the run's malicious clients, ascending: a function of spec and seed."""
    if "malicious" not in context.cache:
        context.cache["malicious"] = attack.malicious(context.fleet.num_devices, context.stream("attack"))
    ids: np.ndarray = context.cache["malicious"]
    return ids


def is_malicious(attack: Attack, context: Context, clients: np.ndarray) -> np.ndarray:
    """(m,) bool: which of these clients are malicious; by bisection, as a fleet may have a million of them."""
    ids = malicious_of(attack, context)
    places = np.minimum(np.searchsorted(ids, clients), len(ids) - 1)
    found: np.ndarray = ids[places] == clients
    return found


def attack_facts(attack: Attack, context: Context) -> dict[str, JsonValue]:
    """What the run's log says about the attack when it begins."""
    ids = malicious_of(attack, context)
    named: list[JsonValue] = ids[:MOST_NAMED].tolist()
    return {"kind": kind_of(type(attack)), "num_malicious": len(ids), "malicious": named}


def overpowered(attack: Attack, aggregator: Aggregator, num_updates: int) -> str:
    """That more updates at once are malicious than the aggregator stands, in words for the log; empty if not.

    Nothing is said of rules that stand a number of attackers in no case, and help in another way or not at all.
    """
    expected, stands = attack.fraction * num_updates, aggregator.tolerates(num_updates)
    if not 0 < stands < expected:
        return ""
    rule = kind_of(type(aggregator))
    return f"about {expected:.3g} of {num_updates} updates come from malicious devices, but {rule} stands {stands}"


def poisoned(
    attack: Attack, context: Context, dataset: Dataset, clients: Sequence[int], samples: "Samples"
) -> "Samples":
    """The samples on which these clients train, the malicious ones on theirs as they changed them.

    Where nobody is malicious or the attack leaves samples alone they are the given ones. Otherwise only the rows of
    these clients are copied, so that a block never copies a whole data set. A client's change depends on its id alone,
    not on the round.
    """
    from engine.training.block import Samples

    bad = is_malicious(attack, context, np.asarray(clients))
    if not attack.poisons or not bad.any():
        return samples
    parts = []
    for client, places, turns in zip(clients, samples.places, bad, strict=True):
        x, y = samples.x[places], samples.y[places]
        draw = context.stream("poison", client)
        parts.append(attack.poison(x, y, target_of(dataset), draw) if turns and len(x) else (x, y))
    ends = np.cumsum([len(y) for _, y in parts])
    together = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    return Samples(*together, np.split(np.arange(ends[-1]), ends[:-1]))


def crafted(attack: Attack, context: Context, round_number: int, clients: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The updates (m, P) that the server gets of those that these clients trained; malicious rows change in place."""
    bad = is_malicious(attack, context, clients)
    return attack.crafted(values, bad, context.stream("craft", round_number))


def attack_metrics(
    attack: Attack, context: Context, dataset: Dataset, model: tuple["GraphModule", Mapping[str, np.ndarray]]
) -> dict[str, float]:
    """``attack_success`` of a model: the share of marked test samples that get the attacker's label.

    Args:
        attack: the attack.
        context: where the data is.
        dataset: the task's data set.
        model: the network, and its weights and buffers by name.

    Returns:
        Nothing for an attack without a mark.
    """
    from engine.training.evaluation import evaluate

    if "marked" not in context.cache:
        test: Split = dataset.load(context.store, "test")
        context.cache["marked"] = attack.trigger(test.x, test.y, target_of(dataset))
    marked: Any = context.cache["marked"]
    return {} if marked is None else {"attack_success": evaluate(*model, *marked).accuracy}
