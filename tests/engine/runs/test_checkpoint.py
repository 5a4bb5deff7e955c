"""Checkpoints: exact, incremental for clients, safe against crashes and superseded workers."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runs.checkpoint import LATEST, Checkpoint, CheckpointStore, FolderCheckpoints, write_atomically
from engine.task.state import Clients, State

TENSORS = {
    "f32": np.arange(6, dtype=np.float32).reshape(2, 3),
    "transposed": np.arange(6, dtype=np.float64).reshape(2, 3).T,
    "strided": np.arange(10, dtype=np.int64)[::2],
    "scalar": np.array(3.5),
    "empty": np.zeros((0, 4), dtype=np.float32),
    "bytes": np.frombuffer(b"abc", dtype=np.uint8),
    "flags": np.array([True, False]),
    "not_finite": np.array([np.nan, np.inf, -0.0]),
}


def same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    """Whether names, types, shapes and bits agree."""
    return first.keys() == second.keys() and all(
        (first[name].dtype, first[name].shape, first[name].tobytes())
        == (second[name].dtype, second[name].shape, second[name].tobytes())
        for name in first
    )


def client(value: float) -> dict[str, np.ndarray]:
    return {"control": np.full(3, value, dtype=np.float32), "steps": np.array(int(value))}


def test_what_is_saved_comes_back_bit_for_bit(tmp_path: Path) -> None:
    values = {"round": 3, "losses": [0.1, 1e-320, None], "plan": {"path": "cohort", "deep": [[1], [2]]}, "big": 2**70}
    state = State(values, TENSORS, Clients({5: client(1.0), 70_000: client(2.0)}))
    pointer = CheckpointStore(tmp_path).save(Checkpoint(state, 17, 2.5))
    back = CheckpointStore(tmp_path).load(pointer)
    assert (back.seq, back.work_s, back.state.values) == (17, 2.5, values)
    assert same(back.state.tensors, TENSORS)
    assert list(back.state.clients) == [5, 70_000]
    assert all(same(back.state.clients[key], state.clients[key]) for key in state.clients)


def test_only_clients_that_changed_are_written(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    clients = Clients({number: client(0.0) for number in range(100)})
    store.save(Checkpoint(State(clients=clients), 1, 0.0))
    before = set(tmp_path.glob("*.clients.safetensors"))
    store.save(Checkpoint(State(clients=clients.updated({7: client(1.0)})), 2, 0.0))
    (pack,) = set(tmp_path.glob("*.clients.safetensors")) - before
    (full,) = before
    assert pack.stat().st_size < full.stat().st_size / 20


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.dictionaries(st.integers(0, 40), st.floats(0, 9), max_size=8), st.booleans()), max_size=12)
)
@settings(max_examples=40, deadline=None)
def test_any_history_of_saves_and_restarts_keeps_the_last_state(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[dict[int, float], bool]]
) -> None:
    folder = tmp_path_factory.mktemp("history")
    clients, checkpoints = Clients(), FolderCheckpoints(folder)
    for seq, (change, restart) in enumerate(history, start=1):
        clients = clients.updated({number: client(value) for number, value in change.items()})
        checkpoints.save(Checkpoint(State({"seq": seq}, clients=clients), seq, 0.0))
        if restart:
            checkpoints = FolderCheckpoints(folder)
            latest = checkpoints.latest()
            assert latest is not None
            assert latest.seq == seq
            assert dict(latest.state.clients).keys() == dict(clients).keys()
            assert all(same(latest.state.clients[number], clients[number]) for number in clients)
            clients = latest.state.clients
    manifests = [file for file in folder.glob("*.json") if file.name != LATEST]
    assert len(manifests) == min(1, len(history))  # nothing of the past piles up


def test_nothing_saved_means_nothing_to_go_on_from(tmp_path: Path) -> None:
    assert FolderCheckpoints(tmp_path / "none").latest() is None


def test_a_crash_while_writing_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = FolderCheckpoints(tmp_path)
    checkpoints.save(Checkpoint(State({"round": 1}, {"w": np.zeros(3)}), 1, 0.0))

    def fail(*_: object) -> None:
        raise OSError("disk full")

    for target in ("engine.runs.checkpoint.save_file", "engine.runs.checkpoint.write_atomically"):
        with monkeypatch.context() as patch:
            patch.setattr(target, fail)
            with pytest.raises(OSError, match="disk full"):
                checkpoints.save(Checkpoint(State({"round": 2}, {"w": np.ones(3)}), 2, 0.0))
        latest = FolderCheckpoints(tmp_path).latest()
        assert latest is not None
        assert latest.state.values == {"round": 1}


def test_a_superseded_worker_destroys_nothing_of_its_successor(tmp_path: Path) -> None:
    old = CheckpointStore(tmp_path, attempt=1)
    shared = old.save(Checkpoint(State({"round": 1}, {"w": np.zeros(1)}, Clients({1: client(1.0)})), 1, 0.0))
    new = CheckpointStore(tmp_path, attempt=2)
    taken = new.load(shared)
    newer = new.save(Checkpoint(taken.state.replace({"round": 2}, clients={2: client(2.0)}), 2, 0.0))
    stale = old.save(Checkpoint(State({"round": 99}, {"w": np.ones(1)}), 9, 0.0))
    old.prune(shared)
    assert CheckpointStore(tmp_path, attempt=3).load(newer).state.values == {"round": 2}
    new.prune(newer)
    assert not (tmp_path / stale).exists()
    assert list(CheckpointStore(tmp_path, attempt=3).load(newer).state.clients) == [1, 2]


def test_an_attempt_that_starts_again_overwrites_nothing(tmp_path: Path) -> None:
    first = CheckpointStore(tmp_path, attempt=1).save(Checkpoint(State({"round": 1}), 1, 0.0))
    second = CheckpointStore(tmp_path, attempt=1).save(Checkpoint(State({"round": 2}), 2, 0.0))
    assert first != second
    assert CheckpointStore(tmp_path).load(first).state.values == {"round": 1}


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    place = tmp_path / "result.json"
    write_atomically(place, b"old")
    write_atomically(place, json.dumps({"new": 1}).encode())
    assert json.loads(place.read_text()) == {"new": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]
