"""Saved networks from files of other programs, and as such files."""

from dataclasses import dataclass, replace

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from pydantic import ValidationError

from engine.core.errors import Problem, SpecError
from engine.network.exchange.formats import Format, format_of
from engine.network.exchange.reading import Assumptions, read
from engine.network.exchange.writing import write
from webapp.library import services
from webapp.library.examples import example_fleet, fitting_fleets
from webapp.library.models import Fleet, Network
from webapp.library.parts import fleet_of, network_of
from webapp.teams.access import at_least
from webapp.teams.models import Role, Team, User


@dataclass(frozen=True)
class NetworkFile:
    """A file that holds a network.

    Attributes:
        name: of the file; may be empty.
        data: what it holds.
        assumed: what is taken where it says nothing.
        written: its format; None if it is told by name and content.
    """

    name: str
    data: bytes
    assumed: Assumptions
    written: Format | None = None


def import_network(team: Team, user: User, name: str, file: NetworkFile) -> Network:
    """Keep the network that a file holds under a name.

    Raises:
        PermissionDenied: the user is no editor of the team.
        SpecError: all that is wrong with the file (paths begin with ``file``), or with name and network.
    """
    if not at_least(user, team, Role.EDITOR):
        raise PermissionDenied("This needs the role editor in the team.")
    try:
        body = read(file.data, file.written or format_of(file.name, file.data), file.assumed)
    except SpecError as error:
        # What the file does not say is asked for beside it.
        raise SpecError(
            one if one.path == "server" else replace(one, path=f"file.{one.path}".rstrip(".")) for one in error.problems
        ) from error
    made = services.create("networks", team, user, name, body)
    assert isinstance(made, Network)
    return made


def export_network(design: Network, fleets: QuerySet[Fleet], chosen: Fleet | None, wanted: Format) -> str:
    """A saved network as a file.

    Args:
        design: the network.
        fleets: those from which one that fits is taken.
        chosen: the fleet to take instead; None for the newest that fits, else one made up.
        wanted: the format.

    Raises:
        SpecError: it is of an older schema, does not fit the fleet, or is too large for a file.
    """
    try:
        network = network_of(design.body)
        picked = chosen or next(iter(fitting_fleets(network, fleets)), None)
        fleet = fleet_of(picked.body) if picked else example_fleet(network)
    except ValidationError as error:
        message = f"was stored under an older schema; edit it to bring it up to date: {error.errors()[0]['msg']}"
        raise SpecError([Problem("", "older_schema", message)]) from error
    return write(network, fleet, wanted)
