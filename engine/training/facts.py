"""What a process knows of clients' samples: functions of the samples alone, so kept between rounds."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.core.threads import ALONE, Team
from engine.training.plans import GRAM_KEPT_BYTES
from engine.training.workspace import Workspace

FEW_VISITS = 128
"""Up to this many visits of a client, the products of all clients are looked up at once."""

STRIP = 128
"""Above that, so many visits of a client are looked up at once, with the visits up to them."""


@dataclass(frozen=True)
class Facts:
    """What is known of a client's samples.

    Attributes:
        products: (n, n), inner products of the inputs, with the bias's share added.
        low: (F,), least value of each input.
        high: (F,), greatest value of each input.
        num_varying: inputs that do not have the same value in all samples.
    """

    products: Tensor
    low: Tensor
    high: Tensor
    num_varying: int

    @classmethod
    def of(cls, x: Tensor, shift: float) -> "Facts":
        """Of the samples (n, F), the same bits wherever their rows stand.

        Args:
            x: the samples, in memory of their own.
            shift: added to every product.
        """
        products = torch.mm(x, x.t())
        if shift:
            products.add_(shift)
        low, high = torch.aminmax(x, dim=0)
        return cls(products, low, high, int(low.ne(high).sum()))

    @property
    def num_bytes(self) -> int:
        """Memory that they take."""
        return self.products.nbytes + self.low.nbytes + self.high.nbytes


class FactStore:
    """The facts of clients whose samples have a name; the oldest go where memory is short.

    Args:
        shift: added to every inner product: 1 for the bias.
    """

    def __init__(self, shift: float) -> None:
        self._shift = shift
        self._kept: dict[int, Facts] = {}
        self._bytes = 0
        self._keeping = threading.Lock()

    def of(self, name: int | None, x: Tensor, rows: np.ndarray) -> Facts:
        """The facts of a client.

        Args:
            name: what tells its samples from others; None if nothing does.
            x: inputs of all samples, (N, F).
            rows: which of them are the client's.
        """
        found = None if name is None else self._kept.get(name)
        if found is not None:
            return found
        found = Facts.of(x.index_select(0, torch.from_numpy(rows)), self._shift)
        if name is not None:
            self._keep(name, found)
        return found

    def _keep(self, name: int, facts: Facts) -> None:
        with self._keeping:
            if name in self._kept:
                return
            self._kept[name] = facts
            self._bytes += facts.num_bytes
            while self._bytes > GRAM_KEPT_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.pop(next(iter(self._kept))).num_bytes


def products_of_visits(facts: Sequence[Facts], rows: Tensor, memory: Workspace, team: Team = ALONE) -> Tensor:
    """The products of each client's visits with its visits before, (C, V, V); what stands right of them is not told.

    Args:
        facts: of each client.
        rows: (C, V), the samples in the order in which each client visits them.
        memory: where the result stays until the next block.
        team: the threads that look them up.
    """
    clients, visits = rows.shape
    dtype = facts[0].products.dtype
    products = memory.empty("products", clients, visits, visits, dtype=dtype)
    if visits <= FEW_VISITS:
        tables = _side_by_side([fact.products for fact in facts])
        most = tables.shape[1]
        places = rows + most * torch.arange(clients).unsqueeze(1)
        lines = tables.view(-1, most).index_select(0, places.view(-1)).view(clients, visits, most)
        return torch.gather(lines, 2, rows.unsqueeze(1).expand(products.shape), out=products)

    def look_up(client: int) -> None:
        table, mine, out = facts[client].products, rows[client], products[client]
        lines = memory.empty("lines", visits, len(table), dtype=dtype)
        torch.index_select(table, 0, mine, out=lines)
        found, places, result = lines.numpy(), mine.numpy(), out.numpy()  # NumPy is the faster one with columns
        for first in range(0, visits, STRIP):
            last = min(first + STRIP, visits)
            result[first:last, :last] = found[first:last].take(places[:last], axis=1)

    team.each(look_up, range(clients))
    return products


def _side_by_side(tables: Sequence[Tensor]) -> Tensor:
    """Square tables as one, (C, n, n), small ones filled up with zeros."""
    sizes = [table.shape[0] for table in tables]
    most = max(sizes)
    if min(sizes) == most:
        return torch.stack(list(tables))
    padded = torch.zeros(len(tables), most, most, dtype=tables[0].dtype)
    for place, (table, size) in enumerate(zip(tables, sizes, strict=True)):
        padded[place, :size, :size] = table
    return padded
