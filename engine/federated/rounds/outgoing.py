"""What happens to the updates of a block's clients on their way to the server."""

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.federated.layout import MEMORY, OPEN, ROWS, SUM
from engine.federated.private.budget import BOOK
from engine.federated.private.secrecy import MASKED, MEMBERS, round_of
from engine.federated.rounds.packing import Packing, named, ungrouped
from engine.federated.rounds.route import route_of
from engine.federated.rounds.traffic import messages_of
from engine.task.contract import Block, Context, Tensors
from engine.task.layout import part, under

if TYPE_CHECKING:
    from engine.federated.task import Federated
    from engine.privacy.secure_round import SecureRound
    from engine.training.local import Update


def packing_of(task: "Federated", context: Context) -> Packing:
    """How a client's message lies in one vector, kept by the process."""
    if "packing" not in context.cache:
        context.cache["packing"] = Packing(messages_of(task)[1])
    packing: Packing = context.cache["packing"]
    return packing


class Outgoing:
    """Takes the updates of a block one by one, in the order of their clients, and collects what reaches the server.

    Args:
        task: how updates travel.
        context: the run's seed.
        block: the block; of its values the round and what privacy keeps, of its clients' tensors what their encoders
            kept from their last messages.
    """

    def __init__(self, task: "Federated", context: Context, block: Block) -> None:
        self._task, self._context = task, context
        self._memories = {client: part(MEMORY, tensors) for client, tensors in block.client_states.items()}
        _, number, place = block.name
        self._round_number, self._place = int(number), int(place)
        self._book: Any = block.values.get(BOOK, {})
        self._keeps_rows = route_of(task).keeps_rows
        self._columns: dict[str, list[float]] = {"bytes_up": [], "norm": []}
        self._weights: list[float] = []
        self._rows: list[np.ndarray] = []
        self._sum: dict[str, np.ndarray] = {}
        self._kept: dict[int, Tensors] = {}
        self._secure: SecureRound | None = None
        if MEMBERS in block.inputs:
            self._secure = round_of(task, context, self._round_number, block.inputs[MEMBERS])
            self._columns["outside"] = []

    def take(self, client: int, update: "Update") -> None:
        """The update of the next client goes its way."""
        from engine.training.arrays import as_groups

        message, weight = self._private(client, named(as_groups(update.tensors)), float(update.weight))
        if self._secure is not None:
            self._weights.append(weight)
            self._mask(self._secure, client, (message, weight))
            return
        arrived = self._delivered(client, message)
        self._weights.append(weight)
        if self._keeps_rows:
            self._rows.append(packing_of(self._task, self._context).vector(ungrouped(arrived)))
        else:
            _add(self._sum, arrived, weight)

    @property
    def weight(self) -> float:
        """The sum of the weights of all updates, in the order in which they came."""
        return float(sum(self._weights))

    def tensors(self) -> dict[str, np.ndarray]:
        """What the block hands on: a sum or rows, and columns with one entry per client."""
        whole = ("bytes_up",)
        columns = under(
            OPEN,
            {name: np.array(column, np.int64 if name in whole else None) for name, column in self._columns.items()},
        )
        if not self._keeps_rows:
            return {**columns, **under(SUM, self._sum)}
        rows = {"values": np.stack(self._rows), "weights": np.array(self._weights)}
        return {**columns, **under(f"{ROWS}/{self._place}", rows)}

    def memory(self, client: int) -> dict[str, np.ndarray]:
        """What the client's encoder keeps for its next message, as tensors of the client's state."""
        return under(MEMORY, self._kept.get(client, {}))

    def _private(self, client: int, message: Tensors, weight: float) -> tuple[Tensors, float]:
        """The message clipped and noisy, if it shall be, and the client's weight in the mean."""
        mechanism = self._task.privacy
        if mechanism is None or not mechanism.clips_updates:
            self._columns["norm"].append(norm_of(message))
            return message, weight
        draw = self._context.stream("privacy", client, self._round_number)
        sent = mechanism.outgoing(ungrouped(message), self._book, draw)
        self._columns["norm"].append(sent.norm)
        return named(sent.groups), 1.0 if mechanism.noises_sum else weight

    def _mask(self, secure: "SecureRound", client: int, what: tuple[Tensors, float]) -> None:
        """Add a client's masked message and weight to the sum of the block."""
        message, weight = what
        vector = packing_of(self._task, self._context).vector(ungrouped(message))
        masked = secure.mask(client, secure.encode(vector, weight))
        self._sum[MASKED] = self._sum[MASKED] + masked if MASKED in self._sum else masked
        self._columns["bytes_up"].append(masked.nbytes)
        self._columns["outside"].append(secure.codec.outside(vector) / len(vector))

    def _delivered(self, client: int, message: Tensors) -> Tensors:
        """What arrives of a message, in the names, shapes and types that were sent."""
        encoding = self._task.encoding
        if encoding.plain_up:
            self._columns["bytes_up"].append(sum(array.nbytes for array in message.values()))
            return message
        draw = self._context.stream("encoding", client, self._round_number)
        delivery = encoding.send_up(message, draw, self._memories.get(client, {}))
        self._columns["bytes_up"].append(delivery.num_bytes)
        self._kept[client] = delivery.memory
        return delivery.tensors


def norm_of(message: Tensors) -> float:
    """L2 norm of all arrays together, in double precision."""
    return float(np.sqrt(sum(float(np.square(array, dtype=np.float64).sum()) for array in message.values())))


def _add(total: dict[str, np.ndarray], message: Tensors, weight: float) -> None:
    """Add a message times a weight to the sum; counters become floating-point numbers."""
    for name, array in message.items():
        is_float = np.issubdtype(array.dtype, np.floating)
        value = array * (array.dtype.type(weight) if is_float else weight)
        total[name] = total[name] + value if name in total else value
