"""Checkpoints: the state of a run on disk, as safetensors and JSON, written so that a crash never leaves half a one."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from safetensors.numpy import load_file, save_file

from engine.task.state import Clients, State, Tensors

_FILE = re.compile(r"\.?a(?P<attempt>\d+)-(?P<number>\d+)\.")
"""How the names of all files of a store begin; what they hold follows."""


@dataclass(frozen=True)
class Checkpoint:
    """All that a run needs to go on besides spec and seed."""

    state: State
    seq: int
    """Number of the last event before it."""
    work_s: float
    """Seconds of work on hosts so far."""


class Checkpoints(Protocol):
    """Where the loop finds and leaves its checkpoints."""

    def latest(self) -> Checkpoint | None:
        """The checkpoint to go on from; None at the first start."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint in place of the one before."""


class CheckpointStore:
    """Checkpoints of one run as files of one folder.

    A pointer is the name of a manifest. Files carry the attempt in their names, so a worker that was superseded but
    does not know it never overwrites its successor's; who owns the run commits the pointer. Tensors of clients lie in
    packs: a checkpoint adds one with the clients that changed, and once in a while writes all anew into a single one.

    Args:
        folder: made on first use.
        attempt: number of the attempt to carry out the run.
    """

    def __init__(self, folder: Path, attempt: int = 1) -> None:
        self.folder = folder
        self.attempt = attempt
        self._clients = Clients()
        self._packs: list[tuple[str, int]] = []
        """Packs of the last checkpoint from old to new, with the number of clients in each."""

    def save(self, checkpoint: Checkpoint) -> str:
        """Write a checkpoint and return the pointer to it; older ones stay until :meth:`prune`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        stem = self._next_stem()
        state = checkpoint.state
        self._write_tensors(f"{stem}.state.safetensors", state.tensors)
        self._write_clients(f"{stem}.clients.safetensors", state.clients)
        manifest = {
            "seq": checkpoint.seq,
            "work_s": checkpoint.work_s,
            "values": state.values,
            "tensors": f"{stem}.state.safetensors",
            "packs": self._packs,
        }
        self._write(f"{stem}.json", json.dumps(manifest).encode())
        return f"{stem}.json"

    def load(self, pointer: str) -> Checkpoint:
        """The checkpoint that a pointer names; the next one is then written as a change to it.

        Raises:
            FileNotFoundError: a file of it is gone.
        """
        manifest = json.loads((self.folder / pointer).read_bytes())
        entries: dict[int, dict[str, np.ndarray]] = {}
        for name, _ in manifest["packs"]:
            pack: dict[int, dict[str, np.ndarray]] = {}
            for key, tensor in load_file(self.folder / name).items():
                client, _, part = key.partition("/")
                pack.setdefault(int(client), {})[part] = tensor
            entries.update(pack)
        self._packs = [(name, count) for name, count in manifest["packs"]]
        self._clients = Clients(entries)
        tensors = load_file(self.folder / manifest["tensors"])
        state = State(values=manifest["values"], tensors=tensors, clients=self._clients)
        return Checkpoint(state, manifest["seq"], manifest["work_s"])

    def prune(self, pointer: str) -> None:
        """Remove the files of this and earlier attempts that this checkpoint does not need.

        Call it once the pointer is committed. Files of later attempts stay: whoever made them may have taken over.
        """
        manifest = json.loads((self.folder / pointer).read_bytes())
        needed = {pointer, manifest["tensors"], *(name for name, _ in manifest["packs"])}
        for file in self.folder.iterdir():
            name = _FILE.match(file.name)
            if name and int(name["attempt"]) <= self.attempt and file.name not in needed:
                file.unlink()

    def _next_stem(self) -> str:
        # A pack of a checkpoint outlives its manifest, so every file that is there takes a number.
        taken = (_FILE.match(file.name) for file in self.folder.iterdir())
        numbers = [int(name["number"]) for name in taken if name and int(name["attempt"]) == self.attempt]
        return f"a{self.attempt}-{max(numbers, default=0) + 1}"

    def _write_clients(self, name: str, clients: Clients) -> None:
        changed = clients.changed_since(self._clients)
        stored = sum(count for _, count in self._packs)
        if stored + len(changed) > 2 * len(clients) + 16:
            changed, self._packs = frozenset(clients), []
        if changed:
            parts = {f"{client}/{key}": tensor for client in sorted(changed) for key, tensor in clients[client].items()}
            self._write_tensors(name, parts)
            self._packs = [*self._packs, (name, len(changed))]
        self._clients = clients

    def _write_tensors(self, name: str, tensors: Tensors) -> None:
        # asarray, not ascontiguousarray, which gives a scalar an axis.
        arrays = {key: np.asarray(tensor, order="C") for key, tensor in tensors.items()}
        temporary = self.folder / f".{name}.part"
        save_file(arrays, temporary)
        _commit(temporary, self.folder / name)

    def _write(self, name: str, content: bytes) -> None:
        temporary = self.folder / f".{name}.part"
        temporary.write_bytes(content)
        _commit(temporary, self.folder / name)


LATEST = "latest.json"
"""File with the pointer to the checkpoint to go on from, where no database holds it."""


class FolderCheckpoints:
    """Checkpoints of a run without a database: the pointer is a file beside them.

    Args:
        folder: made on first use.
    """

    def __init__(self, folder: Path) -> None:
        self._store = CheckpointStore(folder)

    def latest(self) -> Checkpoint | None:
        """The checkpoint that the pointer names."""
        place = self._store.folder / LATEST
        return self._store.load(json.loads(place.read_text())["pointer"]) if place.exists() else None

    def save(self, checkpoint: Checkpoint) -> None:
        """Write the checkpoint, point to it, and remove what it does not need."""
        pointer = self._store.save(checkpoint)
        write_atomically(self._store.folder / LATEST, json.dumps({"pointer": pointer}).encode())
        self._store.prune(pointer)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that at any moment it holds the old or the new content, whole."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(content)
    _commit(temporary, path)


def _commit(temporary: Path, path: Path) -> None:
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
