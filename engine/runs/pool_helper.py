"""A helper process of a run: ``python -m engine.runs.pool_helper SOCKET PARENT``.

It prepares the world of a run once, then computes blocks from files until whoever started it hangs up or dies.
"""

import signal
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from engine.core.errors import EngineError
from engine.emulation.control import Channel, Gone
from engine.emulation.kernel import die_with_parent
from engine.runs.exchange import Exchange
from engine.specs.context import make_context
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import parse
from engine.task.context import Context


class World:
    """A run as far as computing its blocks needs it.

    Args:
        order: the spec's text, the seed, and the folder for files.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        self.spec: ExperimentSpec = parse(order["spec"])
        self.context: Context = make_context(self.spec, order["seed"])
        self.exchange = Exchange(Path(order["folder"]))

    def compute(self, order: dict[str, Any]) -> None:
        """Compute the block of a file and write its result.

        Raises:
            EngineError: it cannot be computed.
            FileNotFoundError: the block is not wanted any more.
        """
        block = self.exchange.block(order["block"])
        self.exchange.put_result(order["result"], self.spec.task.compute_block(self.context, block))


def serve(line: Channel) -> NoReturn:
    """Obey until the other end hangs up.

    What goes wrong with a block is told; whoever coordinates computes it again and then runs into the same.

    Raises:
        Gone: the other end hung up.
    """
    world: World | None = None
    while True:
        order = line.receive()
        try:
            if order["order"] == "prepare":
                world = None  # lets go of its data first
                import_module("torch")
                world = World(order)
            elif world is None:
                raise LookupError("no run is prepared")
            else:
                world.compute(order)
        except (EngineError, ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
            line.send({"error": f"{type(error).__name__}: {error}"})
        else:
            line.send({"result": None})


def main(words: list[str]) -> int:
    """Be a helper until the coordinator is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the coordinator, which ends its helpers
    line = Channel(socket.socket(fileno=int(words[0])), "the coordinator")
    die_with_parent(int(words[1]))
    try:
        serve(line)
    except Gone:  # the only way out
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
