"""What a page shows of the filters of a teacher and of who learns them."""

from engine.core.json import JsonValue
from engine.inference.nonn.communities import cut_weight
from engine.inference.nonn.filters import FilterNetwork
from engine.inference.partition import FilterGroups

MOST_LINKS = 600
"""Links that a page draws at most, the strongest ones."""


def filter_page(network: FilterNetwork, groups: FilterGroups) -> dict[str, JsonValue]:
    """The filter network as nodes and links, and the classes of each student's filters.

    Returns:
        ``nodes``: of each filter its number, its student (None if dropped), its class of largest affinity (None if it
        is never active), that affinity, and its sum of weights relative to the largest one; ``links``: pairs of filters
        and weights, the strongest first; ``num_links`` in all; ``students``: of each the number of filters and the mean
        affinity of these to each class; ``cut``: share of the weight of links between students.
    """
    owner = {number: student for student, group in enumerate(groups.groups) for number in group}
    largest = float(network.strengths.max(initial=0.0)) or 1.0
    nodes: list[JsonValue] = [
        {
            "filter": number,
            "student": owner.get(number),
            "label": int(affinity.argmax()) if affinity.any() else None,
            "affinity": round(float(affinity.max()), 4),
            "strength": round(float(network.strengths[number]) / largest, 4),
        }
        for number, affinity in enumerate(network.affinity)
    ]
    means = [network.affinity[list(group)].mean(axis=0) for group in groups.groups]
    students: list[JsonValue] = [
        {"num_filters": size, "affinity": [round(float(share), 4) for share in mean]}
        for size, mean in zip(groups.sizes, means, strict=True)
    ]
    links = _links(network)
    weight = float(network.links[list(groups.order)][:, list(groups.order)].sum()) / 2
    return {
        "nodes": nodes,
        "links": links[:MOST_LINKS],
        "num_links": len(links),
        "students": students,
        "cut": round(cut_weight(network.links, groups.groups) / weight, 4) if weight else 0.0,
    }


def _links(network: FilterNetwork) -> list[JsonValue]:
    found = [
        (float(network.links[one, other]), one, other)
        for one in network.connected
        for other in network.connected
        if one < other and network.links[one, other]
    ]
    ranked = sorted(found, key=lambda link: (-link[0], link[1:]))
    return [[one, other, round(weight, 4)] for weight, one, other in ranked]
