"""The real computation of a node: done once, then waited for until the device would be done ("spec pacing")."""

import time
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.core.streams import stream

Values = NDArray[np.float32]
Computation = Literal["network", "nothing"]
"""What is computed: a small convolutional network in PyTorch, or nothing (then only time passes)."""

IMAGE = (1, 3, 32, 32)
FEATURES = 64
LEARNING_RATE = 1e-3


class Pacing:
    """How computations kept to their device's time.

    Attributes:
        stages: computations so far.
        overruns: those that took longer than the device they stand for.
        host_s: the longest so far.
    """

    def __init__(self) -> None:
        self.stages = self.overruns = 0
        self.host_s = 0.0

    def book(self, host_s: float, device_s: float) -> None:
        """Note a computation that took ``host_s`` here and takes ``device_s`` on the device."""
        self.stages += 1
        self.overruns += host_s > device_s
        self.host_s = max(self.host_s, host_s)


def warm() -> None:
    """Load PyTorch and what its optimizer imports late, but run no operation that starts threads.

    Children that are forked afterwards share all of it; each would otherwise load it again.
    """
    import torch

    torch.set_num_threads(1)
    weight = torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.zeros(1)
    torch.optim.SGD([weight], lr=0.0).step()


def computation(kind: Computation, node: int) -> Callable[[bool], Values]:
    """The computation of a node: called with whether it trains, it gives what a message may hold."""
    draw = stream(0, "emulated node", node)
    if kind == "nothing":
        values = draw.standard_normal(FEATURES, dtype=np.float32)
        return lambda trains: values
    return _Network(draw)


class _Network:
    """A student of the size that microcontrollers carry: three convolutions, 8 to 32 channels wide."""

    def __init__(self, draw: np.random.Generator) -> None:
        import torch
        from torch import nn

        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(32, FEATURES),
        )
        with torch.no_grad():
            for weight in self.body.parameters():
                weight.copy_(torch.from_numpy(0.1 * draw.standard_normal(tuple(weight.shape), dtype=np.float32)))
        self.image = torch.from_numpy(draw.standard_normal(IMAGE, dtype=np.float32))
        self.optimizer = torch.optim.SGD(self.body.parameters(), lr=LEARNING_RATE)

    def __call__(self, trains: bool) -> Values:
        import torch

        if not trains:
            with torch.inference_mode():
                features: Values = self.body(self.image)[0].numpy()
                return features
        self.optimizer.zero_grad()
        self.body(self.image).square().mean().backward()
        self.optimizer.step()
        parts = [weight.detach().numpy().ravel() for weight in self.body.parameters()]
        weights: Values = np.concatenate(parts)
        return weights


def timed(compute: Callable[[bool], Values], *, trains: bool) -> tuple[Values, float]:
    """What it gives, and the seconds that it took on this host."""
    began = time.monotonic()
    values = compute(trains)
    return values, time.monotonic() - began
