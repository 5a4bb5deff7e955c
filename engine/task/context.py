"""What a task is given besides its own fields and state: the world it runs in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from engine.core.allowance import Allowance
from engine.core.json import JsonValue
from engine.core.streams import Name, stream
from engine.core.threads import ALONE, Team
from engine.task.state import Block, BlockResult

if TYPE_CHECKING:
    from engine.costs.model import CostModel
    from engine.data.store import DataStore
    from engine.fleet.fleet import Fleet
    from engine.network.network import Network
    from engine.task.contract import Task


class ArtifactResolver(Protocol):
    """Finds the file of an artifact or upload that a spec names by its hash."""

    def path(self, sha256: str) -> Path:
        """A local file with these contents, fetched into a cache if need be.

        Raises:
            DataUnavailable: the artifact is not in the store.
        """


class Interrupted(Exception):
    """A step was left because the run is asked to stop or pause; the state before it is what counts."""


class BlockExecutor(Protocol):
    """Computes blocks: here, or on other processes."""

    def offer(self, task: "Task", context: "Context", blocks: Iterable[Block]) -> None:
        """Hear of blocks that :meth:`run` will be asked for in this order, so that others can begin on them.

        Args:
            task: the task.
            context: the world of the run.
            blocks: the first is the one asked for next. Those that were offered before are recognized by their names,
                so every step may offer what is left; they are only made if somebody looks at them.
        """

    def run(self, task: "Task", context: "Context", block: Block) -> BlockResult:
        """The result of the block, the same bits wherever it is computed.

        Raises:
            Interrupted: the run is asked to stop while others compute the block.
        """


@dataclass(frozen=True)
class Context:
    """The world of one run: seed, devices, network, costs, data and who computes blocks."""

    seed: int
    fleet: "Fleet"
    network: "Network"
    cost_model: "CostModel"
    store: "DataStore"
    artifacts: ArtifactResolver
    executor: BlockExecutor
    cache: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """Memory for what is costly to make and follows from spec and seed alone: loaded data, the partition, modules.
    Never holds anything that a step changes, so a resumed run just fills it anew."""
    team: Team = field(default=ALONE, compare=False, repr=False)
    """The threads of this process that may compute at the same time; no bit of a result depends on how many."""
    allowance: Allowance | None = field(default=None, compare=False, repr=False)
    """What may be computed to foresee the run, where somebody waits for it; None for a run, which takes what it
    needs."""

    def stream(self, *names: Name) -> np.random.Generator:
        """The run's random stream of that name."""
        return stream(self.seed, *names)


@dataclass(frozen=True)
class Progress:
    """How far a run is, in the task's own unit."""

    done: int
    total: int
    unit: str
    """Singular noun: ``round``, ``step``, ``image``."""


@dataclass(frozen=True)
class Published:
    """A figure from a paper to stand beside ours, as context."""

    name: str
    value: float
    source: str


@dataclass(frozen=True)
class Summary:
    """What a finished run amounts to."""

    metrics: Mapping[str, float]
    """Final values by name, such as ``accuracy`` and ``loss``."""
    reason: str
    """Why it ended: ``target_reached`` or ``all_rounds``."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """``time_s``, ``energy_j``, ``bytes_up``, ``bytes_down``, ``share_recalled`` and what else the task knows."""
    baselines: Mapping[str, JsonValue] = field(default_factory=dict)
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    """Files that the run made, by name with extension (``model.safetensors``)."""
    published: tuple[Published, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    """What figures alone do not say, in plain sentences by name, such as what an ``audit`` found."""
