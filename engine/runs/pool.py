"""Helper processes of a run without a platform: they keep data and modules loaded and compute blocks on demand.

Each is a program of its own (``python -m engine.runs.pool_helper``), because a process forked from one that has used
torch hangs. Orders and answers are JSON over a socket, tensors go through files. A thread here per helper hands it one
block after another, so that no helper waits while this process computes.
"""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import engine
from engine.emulation.control import Gone, pair
from engine.runs.control import Control
from engine.runs.exchange import Exchange
from engine.runs.pool_board import Board, Posted
from engine.runs.sharding import BlockName, ShardedExecutor
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import canonical
from engine.task.contract import Block, BlockExecutor, BlockResult
from engine.task.local import LocalExecutor

logger = logging.getLogger(__name__)

LEAST_MACS = 3e8
"""Work of a block from which on a helper process pays: 30 ms or so, against five for files and the hand-over, whose
thread waits for the one that computes."""

MOST_CRASHES = 3
"""After so many crashes in a row a helper is not started again."""

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


class Helper:
    """One helper process and the line to it."""

    def __init__(self) -> None:
        self._line, theirs = pair("a helper process", "the coordinator")
        number = theirs.door.fileno()
        root = str(Path(engine.__file__).parents[1])
        paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, "-m", "engine.runs.pool_helper", str(number), str(os.getpid())]
        environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": paths}
        self.process = subprocess.Popen(command, pass_fds=[number], env=environment, stdin=subprocess.DEVNULL)
        theirs.close()
        self.world = 0
        """Number of the run that it has prepared."""

    def ask(self, order: Mapping[str, Any]) -> Any:
        """Send an order and wait for the answer.

        Raises:
            Gone: the process has ended.
        """
        self._line.send(order)
        return self._line.receive()

    def end(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.wait()
        self._line.close()


class Helpers:
    """The helper processes of several runs, one run after another; as a context, ended with it.

    Args:
        count: processes beside this one; 0 for none.
    """

    def __init__(self, count: int) -> None:
        self.crew = ProcessCrew(count) if count else None

    @contextmanager
    def executor(self, spec: ExperimentSpec, seed: int, folder: Path, control: Control) -> Iterator[BlockExecutor]:
        """What computes the blocks of a run.

        Args:
            spec: what is run.
            seed: with which seed.
            folder: for the files of open blocks; removed at the end.
            control: tells the run to stop or pause.
        """
        if self.crew is None:
            yield LocalExecutor()
            return
        self.crew.begin(spec, seed, folder)
        try:
            yield ShardedExecutor(self.crew, lambda: control.should_stop() or control.should_pause())
        finally:
            self.crew.end()

    def __enter__(self) -> "Helpers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.crew is not None:
            self.crew.close()


class ProcessCrew:
    """Helper processes that compute blocks of one run after another.

    Args:
        num_helpers: processes beside this one.
    """

    least_macs = LEAST_MACS

    def __init__(self, num_helpers: int) -> None:
        self._board = Board()
        self._order: dict[str, Any] = {}
        self._exchange: Exchange | None = None
        self._helpers: dict[int, Helper] = {}
        self._starting = threading.Lock()
        self._threads = [
            # A helper dies with the thread that started it, so each thread lives as long as its helper.
            threading.Thread(target=self._serve, args=(place,), name=f"helper-{place}", daemon=True)
            for place in range(num_helpers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def processes(self) -> list[int]:
        """Ids of the helpers that were started last."""
        return [helper.process.pid for helper in list(self._helpers.values())]

    def begin(self, spec: ExperimentSpec, seed: int, folder: Path) -> None:
        """Work on a run from now on; :meth:`end` belongs to it.

        Args:
            spec: what is run.
            seed: with which seed.
            folder: for the files of open blocks.
        """
        self._exchange = Exchange(folder)
        self._exchange.open()
        self._order = {"order": "prepare", "spec": canonical(spec), "seed": seed, "folder": str(folder.resolve())}
        self._board.begin()

    def end(self) -> None:
        """The run has ended or halted: forget its blocks and remove their files."""
        self._board.end()
        if self._exchange is not None:
            self._exchange.close()

    def close(self) -> None:
        """End all helpers."""
        with self._starting:
            self._board.close()
            for helper in list(self._helpers.values()):
                helper.process.kill()  # its thread hears of it and ends
        for thread in self._threads:
            thread.join()

    def post(self, blocks: Sequence[Block]) -> None:
        """Have these blocks computed by whoever is free."""
        assert self._exchange is not None
        series = self._board.clear()
        self._exchange.clear()
        self._board.post(self._exchange.put_blocks(str(series), blocks))

    def take(self, name: BlockName | None = None) -> BlockName | None:
        """Keep a block from the helpers."""
        return self._board.take(name)

    def revoke(self, name: BlockName) -> None:
        """Take a block away from whoever has it."""
        self._board.revoke(name)

    def fetch(self, name: BlockName) -> BlockResult | None:
        """The result of a block; None as long as there is none."""
        posted = self._board.done(name)
        if posted is None or self._exchange is None:
            return None
        result = self._exchange.result(posted.result)
        self._exchange.drop(posted.result)
        return result

    def is_lost(self, name: BlockName) -> bool:
        """Never: blocks of a helper that ended are given back at once."""
        return False

    def wait(self, at_most_s: float) -> None:
        """Wait for news."""
        self._board.wait(at_most_s)

    def _serve(self, place: int) -> None:
        """Hand one block after another to a helper; start it again when it has ended."""
        crashes = 0
        while crashes < MOST_CRASHES:
            known = self._helpers[place].world if place in self._helpers else 0
            task = self._board.next(known)
            helper = None if task is None else self._helper_at(place)
            if task is None or helper is None:
                break
            try:
                crashes = 0 if self._hand_over(helper, task) else crashes
            except Gone:
                if self._board.is_closed:
                    break
                crashes += 1
                logger.warning("a helper process has ended by itself (%d in a row)", crashes)
                if isinstance(task, Posted):
                    self._board.give_back(task, is_refused=False)
                self._helpers.pop(place).end()
        if place in self._helpers:
            self._helpers.pop(place).end()

    def _helper_at(self, place: int) -> Helper | None:
        """The helper of that place, started if it is not there; None once all are to end."""
        with self._starting:
            if self._board.is_closed:
                return None
            if place not in self._helpers:
                self._helpers[place] = Helper()
            return self._helpers[place]

    def _hand_over(self, helper: Helper, task: Posted | int) -> bool:
        """Have a helper do something; whether it computed a block.

        Raises:
            Gone: the helper has ended.
        """
        if isinstance(task, int):
            helper.ask(self._order)
            helper.world = task
            return False
        answer = helper.ask({"order": "compute", "block": task.file, "result": task.result})
        if "error" in answer:
            if self._board.give_back(task, is_refused=True):
                logger.warning("a helper could not compute a block: %s", answer["error"])
        else:
            self._board.finish(task)
        return "error" not in answer
