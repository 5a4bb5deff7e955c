"""How blocks travel between processes: their tensors and facts as safetensors files of one folder."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from engine.runs.sharding import BlockName
from engine.task.state import Block, BlockResult, Tensors

_FACTS = "facts"
"""Key of a file's metadata with its facts as JSON."""

_OWN, _CLIENT = "own", "client"
"""First parts of the names in a file: of the result itself, and of single clients."""


class Exchange:
    """A folder through which blocks go out and results come back.

    Nothing in it outlives its round: whatever is lost is computed again, so files are written whole, by renaming, but
    not forced to the disk.

    Args:
        folder: made by whoever offers blocks, with :meth:`open`; the others only find it there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> None:
        """Make the folder, empty."""
        self.close()
        self.folder.mkdir(parents=True)

    def close(self) -> None:
        """Remove the folder and what lies in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def drop(self, *names: str) -> None:
        """Remove files; those that are gone already do no harm."""
        for name in names:
            self._place(name).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove all files."""
        for place in self.folder.iterdir():
            place.unlink(missing_ok=True)

    def put_blocks(self, stem: str, blocks: Sequence[Block]) -> dict[BlockName, str]:
        """Write blocks; gives the names of their files.

        What several of them read alike, such as the weights of the round, is written once.

        Args:
            stem: beginning of the names.
            blocks: what is to be computed.

        Raises:
            FileNotFoundError: the folder is gone.
        """
        inputs: dict[tuple[int, ...], str] = {}
        files: dict[BlockName, str] = {}
        for place, block in enumerate(blocks):
            same = tuple(id(array) for array in block.inputs.values())
            if same not in inputs:
                inputs[same] = f"{stem}-{place}-inputs"
                self._write(inputs[same], block.inputs, {})
            files[block.name] = f"{stem}-{place}"
            facts = {"name": list(block.name), "clients": list(block.clients), "values": block.values}
            states = _joined({}, block.client_states)
            self._write(files[block.name], states, {**facts, "inputs": inputs[same], "macs": block.macs})
        return files

    def block(self, name: str) -> Block:
        """The block of a file.

        Raises:
            FileNotFoundError: it is gone.
        """
        tensors, facts = self._read(name)
        inputs, _ = self._read(facts["inputs"])
        return Block(
            name=tuple(facts["name"]),
            clients=tuple(facts["clients"]),
            inputs=inputs,
            values=facts["values"],
            client_states=_parted(tensors)[1],
            macs=facts["macs"],
        )

    def put_result(self, name: str, result: BlockResult) -> None:
        """Write what a block gave.

        Raises:
            FileNotFoundError: the folder is gone.
        """
        self._write(name, _joined(result.tensors, result.clients), {"values": result.values})

    def result(self, name: str) -> BlockResult:
        """The result of a file.

        Raises:
            FileNotFoundError: it is gone.
        """
        tensors, facts = self._read(name)
        own, clients = _parted(tensors)
        return BlockResult(tensors=own, values=facts["values"], clients=clients)

    def _place(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"

    def _write(self, name: str, tensors: Tensors, facts: Mapping[str, Any]) -> None:
        if not self.folder.is_dir():
            raise FileNotFoundError(f"no folder {self.folder.name}")
        place = self._place(name)
        draft = place.with_name(f".{place.name}.part")
        # asarray, not ascontiguousarray, which gives a scalar an axis.
        arrays = {key: np.asarray(tensor, order="C") for key, tensor in tensors.items()}
        save_file(arrays, draft, metadata={_FACTS: json.dumps(facts)})
        draft.replace(place)

    def _read(self, name: str) -> tuple[dict[str, np.ndarray], Any]:
        place = self._place(name)
        if not place.is_file():
            raise FileNotFoundError(f"no file {place.name}")
        with safe_open(place, framework="numpy") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
            return tensors, json.loads(file.metadata()[_FACTS])


def _joined(own: Tensors, clients: Mapping[int, Tensors]) -> dict[str, np.ndarray]:
    """Tensors of a block and of its clients under names of one level."""
    joined = {f"{_OWN}/{key}": tensor for key, tensor in own.items()}
    for client, tensors in clients.items():
        joined |= {f"{_CLIENT}/{client}/{key}": tensor for key, tensor in tensors.items()}
    return joined


def _parted(tensors: Tensors) -> tuple[dict[str, np.ndarray], dict[int, dict[str, np.ndarray]]]:
    """What :func:`_joined` joined."""
    own: dict[str, np.ndarray] = {}
    clients: dict[int, dict[str, np.ndarray]] = {}
    for key, tensor in tensors.items():
        kind, _, rest = key.partition("/")
        if kind == _OWN:
            own[rest] = tensor
        else:
            client, _, name = rest.partition("/")
            clients.setdefault(int(client), {})[name] = tensor
    return own, clients
