"""The whole of an experiment: what runs on which fleet over which network, how often and how."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from engine.core.component import Component
from engine.core.units import Unit
from engine.costs.timing import Method
from engine.emulation.fabric import Choice
from engine.fleet.group import FleetSpec
from engine.network.spec import NetworkSpec
from engine.task.contract import Task, tasks

MAX_SEED = 2**53 - 1
"""Largest seed: the largest whole number that every JSON reader keeps exact."""

Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
DeviceNumber = Annotated[int, Field(ge=0)]


class Execution(Component):
    """How a run is carried out on this host, and how its times are found."""

    checkpoint_s: Annotated[float, Field(ge=0, le=3600), Unit("s")] = 10.0
    """Seconds of work after which a checkpoint is due; 0 makes one after every step."""
    shards: Annotated[int, Field(ge=1, le=64)] = 1
    """How many processes train clients of one run at the same time; more than there are cores is of no use. Bits and
    costs are the same for every number. It pays where a client's training takes long, such as convolutional networks;
    tiny models stay in one process by themselves. On the platform idle workers help, after the runs that wait in the
    queue. Estimates of this host's time are for one process."""
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    """How many threads of each of those processes train clients at the same time, for hosts with cores to spare: the
    clients of a stack, or several clients side by side. Bits and costs are the same for every number. No start, no
    second copy of the data: it pays for small models, too."""
    costs: Method = "closed_form"
    """How the times of rounds are found: closed_form takes expected values; events the same, one after another;
    monte_carlo draws loss and jitter 200 times, books the mean and tells the median and 95th percentile of each round,
    which takes up to some seconds of this host a round. On the command line estimate and recost follow it unless
    --method says otherwise; the pages estimate and re-cost in closed form."""
    backend: Literal["simulate", "emulate"] = "simulate"
    """simulate reckons what rounds cost; emulate besides carries out the first of them for real, with a process per
    device and emulated links, and keeps the measured trace beside the simulated one."""
    fabric: Choice = "auto"
    """Tier of the emulated network: tun (as root), userns (without), loopback (no TCP), or auto, the best of the first
    two; ./edgeloom emulate doctor says which work."""
    emulated_rounds: Annotated[int, Field(ge=1, le=1000)] = 3
    """How many rounds are carried out for real, of a distributed inference how many requests; each takes as long as it
    was simulated."""
    kill_devices: Annotated[tuple[DeviceNumber, ...], Field(max_length=8)] = ()
    """Numbers of the devices whose processes are killed while requests of a distributed inference are carried out, one
    after the other, evenly spread: the run tells when that was noticed and what became of the requests."""


class ExperimentSpec(Component):
    """A complete description of an experiment: the same spec and seed give the same results, bit for bit."""

    source: ClassVar[str] = "This platform"

    version: Literal[1] = 1
    """Version of this document's form; older ones are upgraded on reading."""
    name: str = Field(default="Untitled experiment", min_length=1, max_length=200)
    """What people call it; changes nothing else."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=1000)] = (0,)
    """One run per seed; means and intervals are over them, so three or more say how far to trust a number."""
    fleet: FleetSpec
    """The devices, in groups of equal ones."""
    network: NetworkSpec = Field(default_factory=NetworkSpec)
    """How the devices reach the server."""
    task: Annotated[Task, tasks.field()]
    """What the devices do."""
    execution: Execution = Field(default_factory=Execution)
    """How a run is carried out on this host."""
    sweep: dict[str, list[Any]] | None = None
    """A grid: for each dotted path the values to try; every combination becomes a cell with its own runs."""

    @field_validator("seeds")
    @classmethod
    def _no_repeats(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        repeated = sorted({seed for seed in seeds if seeds.count(seed) > 1})
        if repeated:
            raise ValueError(f"each seed may stand only once; {', '.join(map(str, repeated))} is repeated")
        return seeds
