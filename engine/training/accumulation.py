"""How much a client's gradients have moved its weights by the end of its local steps."""

from engine.core.errors import Problem
from engine.training.settings import LocalSettings


def needs_sgd(strategy: str, local: LocalSettings) -> list[Problem]:
    """The problem of a strategy that reads gradients off how far the weights have moved, paths relative to it."""
    if local.optimizer.takes_momentum:
        return []
    message = (
        f"{strategy} knows how much each gradient counts only for local.optimizer sgd; take sgd or another strategy"
    )
    return [Problem("kind", "needs_sgd", message)]


def accumulated(settings: LocalSettings, num_steps: int, *, pull: float = 0.0) -> float:
    """The L1 norm of a_k: how much each gradient has moved the weights in the end, in learning rates, summed.

    A gradient that came j steps ago has moved them by h_j, the response to a single unit gradient after j steps. For
    plain SGD h_j = 1, with momentum r it is (1 - r^j) / (1 - r), with a proximal term (1 - pull)^(j - 1).

    Source: Wang et al., Tackling the Objective Inconsistency Problem, NeurIPS 2020, section 4 (the norm of a_k).

    Args:
        settings: momentum of the local steps. Weight decay counts as part of the gradient.
        num_steps: local steps.
        pull: learning rate times weight of the proximal term.
    """
    response = velocity = total = 0.0
    for step in range(num_steps):
        gradient = (1.0 if step == 0 else 0.0) - pull * response
        velocity = settings.momentum * velocity + gradient
        response += gradient + settings.momentum * velocity if settings.nesterov else velocity
        total += abs(response)
    return total
