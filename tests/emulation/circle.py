"""A kind of process of its own, as short as one can be: a number goes round, and each adds its place to it."""

import sys
from collections.abc import Callable, Mapping

from engine.emulation.parent import Parent, main
from engine.emulation.process import Order, Process
from engine.emulation.transport import Message


class Adder(Process):
    """Adds its place to what comes, and sends it on to the next."""

    def orders(self) -> Mapping[str, Callable[[Order], None]]:
        """To begin, or to wait."""
        return {"add": self._begin}

    def arrived(self, message: Message) -> None:
        """Add, or tell the sum when it has come round."""
        if self.place == 0:
            self.answer(message.item)
        else:
            self._send(message.item + self.place)

    def _begin(self, order: Order) -> None:
        self._count = int(order["count"])
        if self.place == 0:
            self._send(0)
        else:
            self.answer(None)

    def _send(self, number: int) -> None:
        self.transport.send((self.place + 1) % self._count, Message(number, 0, b""), connects=False)


class Circle(Parent):
    """Adders."""

    kind = Adder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Circle))
