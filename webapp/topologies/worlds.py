"""The fleets and networks of runs, resolved once and kept in memory."""

from dataclasses import dataclass

from engine.fleet.fleet import Fleet
from engine.network.drawing import MOST_DEVICES
from engine.network.network import Network
from engine.network.topology import Topology
from webapp.experiments.models import Run
from webapp.recosting.memory import Memory
from webapp.recosting.worlds import spec_of
from webapp.topologies.gathering import Gathering, gather

MEMORY_BYTES = 128 * 2**20


@dataclass(frozen=True)
class Place:
    """Where a run takes place.

    Attributes:
        fleet, network, topology: as its spec says.
        gathering: its devices as few nodes; None if each is drawn.
    """

    fleet: Fleet
    network: Network
    topology: Topology
    gathering: Gathering | None


_places: Memory[Place] = Memory(MEMORY_BYTES, lambda place: 100_000 + 200 * place.fleet.num_devices)


def place_of(run: Run) -> Place:
    """The fleet and network of a run.

    Raises:
        SpecError: it was made under an older schema.
        EngineError: its network cannot be made any more.
    """

    def make() -> Place:
        spec = spec_of(run.cell)
        fleet = spec.fleet.resolve()
        network = spec.network.resolve(fleet, run.seed)
        is_large = fleet.num_devices > MOST_DEVICES
        return Place(fleet, network, spec.network.topology, gather(network) if is_large else None)

    return _places.get((run.cell_id, run.cell.digest, run.seed), make)
