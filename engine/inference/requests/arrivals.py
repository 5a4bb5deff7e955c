"""When requests come."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from engine.core.component import Component
from engine.core.units import Unit


class RequestSettings(Component):
    """The requests that are sent over a plan."""

    source: ClassVar[str] = "L. Kleinrock, Queueing Systems, volume 1, 1975, section 2.4 (Poisson arrivals)"

    count: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """How many inferences are asked for; costs are those of all of them."""

    arrivals: Literal["one_by_one", "evenly", "poisson"] = "one_by_one"
    """When they come: each after the answer to the one before (one_by_one), in even steps (evenly), or independently of
    each other at random moments (poisson)."""

    rate_rps: Annotated[float, Field(gt=0, le=1e6), Unit("1/s")] | None = None
    """Requests per second; empty for one by one."""

    @model_validator(mode="after")
    def _rate_where_it_is_read(self) -> "RequestSettings":
        if self.arrivals == "one_by_one" and self.rate_rps is not None:
            raise ValueError("rate_rps is read with arrivals evenly or poisson; one by one there is no rate")
        if self.arrivals != "one_by_one" and self.rate_rps is None:
            raise ValueError(f"arrivals {self.arrivals} need rate_rps, a number of requests per second")
        return self

    @property
    def is_stream(self) -> bool:
        """Whether requests come without waiting for answers."""
        return self.arrivals != "one_by_one"

    @property
    def period_s(self) -> float:
        """Mean time from a request of a stream to the next; 0 one by one, where each follows the answer before it."""
        return 0.0 if self.rate_rps is None else 1 / self.rate_rps

    def moments(self, draw: np.random.Generator) -> NDArray[np.float64]:
        """(N,) seconds at which the requests of a stream come, ascending; the first at 0 if they come evenly.

        Args:
            draw: where chance comes from.
        """
        assert self.rate_rps is not None, "a stream has a rate"
        if self.arrivals == "evenly":
            return np.arange(self.count) / self.rate_rps
        return np.cumsum(draw.exponential(1 / self.rate_rps, self.count))
