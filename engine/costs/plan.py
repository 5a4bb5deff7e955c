"""Plans that cannot work, told before launch: messages that would be under way for weeks."""

import numpy as np

from engine.core.errors import Problem
from engine.core.nodes import SERVER
from engine.costs.model import CostModel
from engine.costs.trace import TraceBuilder
from engine.network.link import Link

LONGEST_MESSAGE_S = 7 * 86_400.0
"""A message that takes longer than a week by itself makes no plan: one lost frame too many, and it starts anew."""


def message_problems(model: CostModel, bytes_down: int, bytes_up: int, path: str) -> list[Problem]:
    """Why the exchange of these messages cannot work; empty if it can.

    The first device of each group is asked, alone, over a kept connection.

    Args:
        model: fleet and network.
        bytes_down: payload from the server to a device; 0 for none.
        bytes_up: payload from a device to the server; 0 for none.
        path: place in the document of what determines the size.
    """
    first = model.fleet.starts[:-1]
    problems = []
    for up, payload in ((False, bytes_down), (True, bytes_up)):
        if not payload:
            continue
        builder = TraceBuilder()
        for device in first:
            builder.next_round()  # rounds follow each other, so that groups do not wait for one another
            source, target = (device, SERVER) if up else (SERVER, device)
            builder.send(source, target, payload, new_connection=False)
        seconds = model.cost(builder.build(), method="closed_form").round_s
        for group in np.flatnonzero(seconds > LONGEST_MESSAGE_S):
            message = _reason(model, int(group), payload, float(seconds[group]), up=up)
            problems.append(Problem(path, "message_takes_weeks", message))
    return problems


def _reason(model: CostModel, group: int, payload: int, seconds: float, *, up: bool) -> str:
    link = model.network.links[model.network.radio_of[model.fleet.starts[group]]]
    way = "from" if up else "to"
    return (
        f"a message of {payload:,} bytes {way} group {model.fleet.names[group]!r} takes {seconds / 86_400:.3g} days "
        f"over {link.name} ({_figures(link, up=up)}); allowed are messages of up to {LONGEST_MESSAGE_S / 86_400:.0f} "
        f"days: take a smaller model or another link"
    )


def _figures(link: Link, *, up: bool) -> str:
    rate = (link.up_rate if up else link.down_rate).value
    duty = f", {100 * link.duty_cycle.value:.3g} % duty cycle" if link.duty_cycle.value < 1 else ""
    return f"{rate:.3g} bit/s while sending{duty}"
