"""One block of a round: some clients train, and their updates are summed in the order of their ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from engine.core.streams import seed_of, stream
from engine.core.threads import ALONE, Team
from engine.models.build import GraphModule
from engine.models.graph import Graph
from engine.privacy.mechanisms.dp_sgd import DPSGD
from engine.training.arrays import Groups, as_groups, as_tensor, as_tensors
from engine.training.augmentation import Augmentation
from engine.training.autograd import ClientJob, train_client
from engine.training.batches import Batches, batches_of, visiting_orders
from engine.training.chain import chain_of
from engine.training.cohort import StackedResult, train_stacked
from engine.training.dp_sgd import PrivateSteps
from engine.training.evaluation import mean_features, module_for
from engine.training.local import OWN, LinearTerm, LocalRule, LocalView, Payload, Tensors, Update, defines
from engine.training.plans import Plan
from engine.training.settings import LocalSettings
from engine.training.stack import StackedJob
from engine.training.starts import Holdings, private_names, starts_of


@dataclass(frozen=True)
class Samples:
    """The samples of a block's clients.

    Attributes:
        x: (N, *sample), inputs of all samples at hand.
        y: (N,) or (N, T), labels.
        places: per client of the block, its rows of ``x``.
        names: per client, a number that stands for exactly these samples in all rounds; empty where they may change.
    """

    x: np.ndarray
    y: np.ndarray
    places: Sequence[np.ndarray]
    names: Sequence[int] = ()


class Outgoing(Protocol):
    """What becomes of updates that are not simply summed."""

    def take(self, client: int, update: Update) -> None:
        """The update of one client; they come in the order of the block's clients, outside of any gradient."""


@dataclass(frozen=True)
class BlockJob:
    """What a block trains: everything that its result depends on.

    Attributes:
        graph: the model.
        plan: how the clients are computed.
        rule: the method's hooks.
        settings: the learning rule.
        seed: seed of the run.
        round_number: the round, from 1.
        clients: ids, ascending.
        samples: their samples.
        down: the server's message; its group ``weights`` is where the round starts.
        states: state of each client that has one.
        augment: random changes of every training sample, in this order.
        meter: whether each client's mean activations are measured after training.
        keep_updates: whether the single updates are handed back beside their sum.
        outgoing: takes the updates instead of the block's own sum, which then stays empty.
        most_steps: local steps of each client at most: the first ones of all that it would do; None for all.
        privacy: makes local steps differentially private; only with a plan of one client after another.
        cache: memory for the built module.
        team: the threads that train the clients of a stack.
    """

    graph: Graph
    plan: Plan
    rule: LocalRule
    settings: LocalSettings
    seed: int
    round_number: int
    clients: Sequence[int]
    samples: Samples
    down: Groups
    states: Mapping[int, Groups] = field(default_factory=dict)
    augment: Sequence[Augmentation] = ()
    meter: bool = False
    keep_updates: bool = False
    outgoing: Outgoing | None = None
    most_steps: Sequence[int] | None = None
    privacy: DPSGD | None = None
    cache: dict[str, Any] = field(default_factory=dict)
    team: Team = ALONE


@dataclass(frozen=True)
class BlockOutcome:
    """What a block gave.

    Attributes:
        summed: weighted sum of the updates, group by group.
        weight: sum of the weights.
        states: new state of each client that keeps one.
        losses: (C,) mean cross-entropy over each client's local steps.
        steps: (C,) local steps of each client.
        passed: (C,) samples that each client trained on, all epochs counted.
        activations: (C, d) mean penultimate features of each trained client on its own samples; None unless metered.
        updates: the single updates in order of the clients; empty unless asked for.
    """

    summed: Groups
    weight: float
    states: Mapping[int, Groups]
    losses: np.ndarray
    steps: np.ndarray
    passed: np.ndarray
    activations: np.ndarray | None
    updates: tuple[Update, ...]


class _Fold:
    """The running weighted sum of updates, in the order in which they come."""

    def __init__(self, job: BlockJob) -> None:
        self.summed: dict[str, dict[str, Tensor]] = {}
        self.weight = 0.0
        self.kept: list[Update] = []
        self.keep, self.outgoing = job.keep_updates, job.outgoing

    def add(self, client: int, update: Update) -> None:
        if self.keep:
            self.kept.append(update)
        if self.outgoing is not None:
            self.outgoing.take(client, update)
            return
        self.weight += update.weight
        for group, tensors in update.tensors.items():
            sums = self.summed.setdefault(group, {})
            for name, value in tensors.items():
                sums[name] = value * update.weight if name not in sums else sums[name].add_(value, alpha=update.weight)


def train_block(job: BlockJob) -> BlockOutcome:
    """Train the clients of a block and sum their updates.

    The result depends on the job alone; the same clients always form the same block, so it is the same bits whoever
    computes it.
    """
    counts = [len(places) for places in job.samples.places]
    orders = visiting_orders(job.seed, job.clients, job.round_number, counts, job.settings.epochs)
    dtype = next(iter(job.down["weights"].values())).dtype
    batches = batches_of(orders, job.settings.batch_size, dtype)
    most = _most_steps(job)
    if most is not None:
        batches = batches.first(most)
    with torch.no_grad():
        run = _Run(job, batches, as_tensor(job.samples.x, dtype), as_tensor(job.samples.y))
    return run.stacked() if job.plan.path == "cohort" else run.one_by_one()


def _most_steps(job: BlockJob) -> Sequence[int] | None:
    """Local steps of each client at most, by the settings and by the round; None for all."""
    limit = job.settings.max_steps
    if limit is None:
        return job.most_steps
    return [limit] * len(job.clients) if job.most_steps is None else [min(limit, most) for most in job.most_steps]


class _Run:
    """A block with its samples and messages as tensors."""

    def __init__(self, job: BlockJob, batches: Batches, x: Tensor, y: Tensor) -> None:
        self.job, self.batches, self.x, self.y = job, batches, x, y
        self.down: Payload = {group: as_tensors(arrays) for group, arrays in job.down.items()}
        self.lr = job.settings.lr_of(job.round_number)
        self.dtype = next(iter(self.down["weights"].values())).dtype
        held = Holdings(job.clients, job.states, x, y, job.samples.places)
        self.starts = starts_of(job.rule, job.graph, self.down, held, seed=job.seed, cache=job.cache)
        self.private = private_names(job.graph, job.rule)

    def stacked(self) -> BlockOutcome:
        """All clients of the block side by side."""
        job = self.job
        order = np.argsort(-self.batches.steps, kind="stable")
        places = [job.samples.places[place] for place in order]
        needs_states = defines(job.rule, "finish") or bool(job.states)
        client = _stack([job.states.get(job.clients[place], {}) for place in order]) if needs_states else {}
        chain = chain_of(job.graph)
        assert chain is not None
        weights = [float(len(place)) for place in places]
        batches = Batches(self.batches.rows[order], self.batches.share[order], self.batches.steps[order])
        work = StackedJob(
            chain=chain, rule=job.rule, settings=job.settings, lr=self.lr, start=self.starts.stacked(order),
            down=self.down, client=client, x=self.x.flatten(1), y=self.y, places=places, batches=batches,
            gram_steps=job.plan.gram_steps, forms_weights=job.plan.forms_weights, weights=weights,
            names=[job.samples.names[place] for place in order] if job.samples.names else (), cache=job.cache,
            team=job.team,
        )  # fmt: skip
        result = train_stacked(work)
        back = np.argsort(order, kind="stable")
        if not result.params:
            counts = [len(place) for place in job.samples.places]
            return self._outcome({"weights": result.summed}, float(sum(counts)), losses=result.losses[back])
        return self._finish_stacked(result, _StackedClients(client, _personal_of(work, result.params)), back)

    def _finish_stacked(self, result: StackedResult, stacked: "_StackedClients", back: np.ndarray) -> BlockOutcome:
        job, losses = self.job, result.losses[back]
        counts = [len(place) for place in job.samples.places]
        activations = self._metered([_pick(result.params, int(row)) for row in back])
        states: dict[int, Groups] = {}
        if not (defines(job.rule, "finish") or job.keep_updates or job.outgoing) and self.starts.is_common:
            summed = _summed_differences(result.params, self.down["weights"], counts, back)
            if stacked.personal:
                kept = [_pick_groups(stacked.personal, int(row)) for row in back]
                states = {client: as_groups(groups) for client, groups in zip(job.clients, kept, strict=True)}
            weight = float(sum(counts))
            return self._outcome({"weights": summed}, weight, losses=losses, activations=activations, states=states)
        fold = _Fold(job)
        for place, row in enumerate(back):
            view = LocalView(
                params=_pick(result.params, int(row)), start=self.starts.of(place), down=self.down, lr=self.lr,
                settings=job.settings, client=_pick_groups(stacked.client, int(row)), num_samples=(counts[place],),
            )  # fmt: skip
            self._send(place, (view, _pick_groups(stacked.personal, int(row))), fold, states)
        return self._outcome(
            fold.summed, fold.weight, losses=losses, activations=activations, states=states, updates=tuple(fold.kept)
        )

    def _send(self, place: int, trained: tuple[LocalView, Payload], fold: "_Fold", states: dict[int, Groups]) -> None:
        """What a trained client sends goes into the sum, what it keeps into the states."""
        view, personal = trained
        view.start_loss, view.choice = float(self.starts.losses[place]), int(self.starts.choices[place])
        own = {name: view.params[name] for name in self.private}
        view.params = {name: value for name, value in view.params.items() if name not in own}
        client = self.job.clients[place]
        with torch.no_grad():
            update = self.job.rule.finish(view, int(self.batches.steps[place]))
            fold.add(client, update)
        kept = {**(update.client or {}), **personal, **({OWN: own} if own else {})}
        if kept:
            states[client] = as_groups(kept)

    def one_by_one(self) -> BlockOutcome:
        """One client after another by autograd."""
        job = self.job
        module = module_for(job.graph, job.cache, self.dtype)
        fold = _Fold(job)
        states: dict[int, Groups] = {}
        losses, trained = [], []
        for place, client in enumerate(job.clients):
            state = {group: as_tensors(arrays) for group, arrays in job.states.get(client, {}).items()}
            result = train_client(self._client_job(place, module, state))
            losses.append(result.loss)
            if job.meter:
                trained.append(result.view.params)
            self._send(place, (result.view, result.personal or {}), fold, states)
        return self._outcome(
            fold.summed, fold.weight, losses=np.array(losses), activations=self._metered(trained), states=states,
            updates=tuple(fold.kept),
        )  # fmt: skip

    def _client_job(self, place: int, module: GraphModule, state: Payload) -> ClientJob:
        job, steps = self.job, int(self.batches.steps[place])
        return ClientJob(
            module=module, rule=job.rule, settings=job.settings, lr=self.lr,
            start=self.starts.of(place), down=self.down, client=state, x=self.x, y=self.y,
            places=job.samples.places[place], rows=self.batches.rows[place, :steps],
            share=self.batches.share[place, :steps], augment=job.augment,
            draw=stream(job.seed, "augment", job.clients[place], job.round_number),
            dropout_seed=seed_of(job.seed, "dropout", job.clients[place], job.round_number) % 2**63,
            private=self._private_steps(place),
        )  # fmt: skip

    def _private_steps(self, place: int) -> PrivateSteps | None:
        job = self.job
        if job.privacy is None:
            return None
        where = (job.seed, job.clients[place], job.round_number)
        return PrivateSteps.of(job.privacy, job.settings.batch_size, len(job.samples.places[place]), where)

    def _metered(self, trained: Sequence[Tensors]) -> np.ndarray | None:
        if not self.job.meter:
            return None
        module = module_for(self.job.graph, self.job.cache, self.dtype)
        rows = zip(trained, self.job.samples.places, strict=True)
        return np.stack([mean_features(module, params, self.x, places) for params, places in rows])

    def _outcome(
        self, summed: Payload, weight: float, *, losses: np.ndarray, activations: np.ndarray | None = None,
        states: Mapping[int, Groups] | None = None, updates: tuple[Update, ...] = (),
    ) -> BlockOutcome:  # fmt: skip
        return BlockOutcome(
            as_groups(summed), weight, states or {}, losses, self.batches.steps, self._passed(), activations, updates
        )

    def _passed(self) -> np.ndarray:
        counts = np.array([len(place) for place in self.job.samples.places], dtype=np.int64)
        if _most_steps(self.job) is None:
            return counts * self.job.settings.epochs
        passed: np.ndarray = np.count_nonzero(self.batches.share, axis=(1, 2)).astype(np.int64)
        return passed


@dataclass(frozen=True)
class _StackedClients:
    """What the clients of a stack hold beside their trained weights, with a leading client axis.

    Attributes:
        client: their state from before the round.
        personal: what their personal pass has given.
    """

    client: Payload
    personal: Payload


def _personal_of(job: StackedJob, params: Tensors) -> Payload:
    """The personal pass of all clients of a stack, with the steps of their round; empty if the rule has none."""
    if not defines(job.rule, "personal_pass"):
        return {}

    def descend(start: Tensors, term: LinearTerm | None) -> Tensors:
        term = term or LinearTerm()
        return train_stacked(replace(job, rule=LocalRule(), start=start, term=term, gram_steps=0)).params

    view = LocalView(
        params=params, start=job.start, down=job.down, lr=job.lr, settings=job.settings, client=job.client,
        num_samples=tuple(len(place) for place in job.places), descend=descend,
    )  # fmt: skip
    return job.rule.personal_pass(view) or {}


def _stack(states: Sequence[Groups]) -> dict[str, dict[str, Tensor]]:
    """The clients' states side by side, without the weights that a client starts from."""
    return {
        group: {name: torch.from_numpy(np.stack([state[group][name] for state in states])) for name in arrays}
        for group, arrays in states[0].items()
        if group != OWN
    }


def _pick_groups(groups: Payload, row: int) -> Payload:
    return {group: _pick(tensors, row) for group, tensors in groups.items()}


def _pick(tensors: Tensors, row: int) -> dict[str, Tensor]:
    return {name: value[row] for name, value in tensors.items()}


def _summed_differences(params: Tensors, start: Tensors, counts: Sequence[int], back: np.ndarray) -> dict[str, Tensor]:
    """The sum over clients of samples times (weights - start), clients in the order of their ids."""
    rows = torch.from_numpy(back)
    factors = torch.zeros(len(counts), dtype=next(iter(params.values())).dtype)
    factors[rows] = torch.tensor(counts, dtype=factors.dtype)
    return {name: torch.tensordot(factors, value.sub_(start[name]), dims=1) for name, value in params.items()}
