"""The fleet over which a saved network is drawn, measured and exported: one of the team's, or one made up for it."""

from collections.abc import Sequence

from django.db.models import QuerySet

from engine.core.errors import SpecError
from engine.fleet.group import FleetSpec
from engine.network.spec import DEFAULT, NetworkSpec
from engine.network.topologies.custom import Custom
from webapp.library.models import Fleet
from webapp.library.parts import fleet_of

MOST_FLEETS = 50
"""Fleets that are tried, newest change first."""


def fitting_fleets(network: NetworkSpec, fleets: QuerySet[Fleet]) -> Sequence[Fleet]:
    """The newest fleets that have the groups which a network names; of a drawn network, those that fit its nodes."""
    return [fleet for fleet in fleets.order_by("-updated_at")[:MOST_FLEETS] if _fits(network, fleet)]


def example_fleet(network: NetworkSpec) -> FleetSpec:
    """Ten devices a group, or what a drawing needs, so that a network can be drawn before there is a fleet for it."""
    groups = [{"name": name, "count": count} for name, count in network.example_counts().items()]
    return FleetSpec.model_validate({"groups": tuple(groups)}) if groups else FleetSpec()


def _fits(network: NetworkSpec, fleet: Fleet) -> bool:
    named = set(network.links) - {DEFAULT}
    if not named <= {str(group.get("name")) for group in fleet.body.get("groups", [])}:
        return False
    if not isinstance(network.topology, Custom):
        return True
    try:
        return not network.check(fleet_of(fleet.body))
    except (SpecError, ValueError):  # stored under an older schema
        return False
