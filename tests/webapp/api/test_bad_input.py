"""Specs that cannot run: each refused with all its problems at their paths, and nothing stored."""

from typing import Any

import pytest

from engine.specs.text import load
from engine.specs.writer import write as dump
from tests.webapp.api.client import codes
from tests.webapp.api.conftest import SPEC, Lab
from webapp.experiments.models import Cell, Experiment, Run


def changed(**paths: Any) -> str:
    """The spec with other values at dotted paths (written with __)."""
    tree = load(SPEC)
    del tree["sweep"]
    for path, value in paths.items():
        *places, last = path.split("__")
        inner = tree
        for place in places:
            inner = inner[place]
        inner[last] = value
    return dump(tree)


CASES = {
    "unknown field": (changed(task__strategy={"kind": "fedprox", "muu": 1.0}), {"task.strategy.muu": "unknown_field"}),
    "unknown top field": (changed(colour="red"), {"colour": "unknown_field"}),
    "wrong type": (changed(task__rounds="many"), {"task.rounds": "wrong_type"}),
    "text for a number": (changed(task__rounds="3"), {"task.rounds": "wrong_type"}),
    "unknown kind": (changed(task__strategy={"kind": "fedmagic"}), {"task.strategy": None}),
    "200 of 10 clients": (
        changed(task__sampler={"kind": "uniform", "num_clients": 200}),
        {"task.sampler.num_clients": None},
    ),
    "negative": (changed(task__local={"lr": -1.0}), {"task.local.lr": None}),
    "two problems": (changed(task__rounds=0, seeds=[]), {"task.rounds": None, "seeds": None}),
    "broken YAML": ("version: 1\nname: [unclosed\n", {"": "syntax"}),
    "duplicate key": (SPEC + "name: again\n", {"name": "duplicate_key"}),
    "NaN": (SPEC.replace("rounds: 2", "rounds: 2\n  local: {lr: .nan}"), {"task.local.lr": "not_finite"}),
    "alias": (SPEC.replace("seeds: [0, 1]", "seeds: &s [0, 1]"), {"seeds": "alias"}),
    "not a mapping": ("[1, 2]", {"": None}),
    "JSON NaN": ('{"version": 1, "task": {"local": {"lr": NaN}}}', {}),
}


@pytest.mark.parametrize(("text", "expected"), [pytest.param(*case, id=name) for name, case in CASES.items()])
@pytest.mark.parametrize("path", ["/experiments", "/estimates"])
def test_bad_spec(path: str, text: str, expected: dict[str, str | None], lab: Lab) -> None:
    response = lab.by("runner")("POST", path, text)
    assert response.status_code == 422, response.content
    found = codes(response)
    for place, code in expected.items():
        matching = [key for key in found if key == place or key.startswith(f"{place}.")]
        assert matching, found
        assert code is None or code in {found[key] for key in matching}, found
    assert all(error["message"] for error in response.json()["errors"])
    assert not Experiment.objects.exists()
    assert not Cell.objects.exists()
    assert not Run.objects.exists()


def test_200_clients_of_100_says_both_numbers(lab: Lab) -> None:
    text = changed(task__sampler={"kind": "uniform", "num_clients": 200}).replace("count: 10", "count: 100")
    response = lab.by("runner")("POST", "/experiments", text)
    (error,) = response.json()["errors"]
    assert error["path"] == "task.sampler.num_clients"
    assert "200" in error["message"]
    assert "100" in error["message"]


def test_a_model_that_does_not_fit_names_device_and_bytes(lab: Lab) -> None:
    from engine.fleet.catalogue import devices

    smallest = min(devices(), key=lambda kind: devices()[kind].ram_bytes.value)
    text = changed(
        fleet={"groups": [{"name": "tiny", "device": smallest, "count": 10}]},
        task__model={"kind": "mlp", "hidden": [4000]},
    )
    response = lab.by("runner")("POST", "/experiments", text)
    assert response.status_code == 422
    assert any("memory" in error["code"] or "fit" in error["code"] for error in response.json()["errors"])
    assert not Experiment.objects.exists()


def test_a_missing_data_set_says_where_to_put_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGELOOM_OFFLINE", "1")
    monkeypatch.delenv("EDGELOOM_DATA", raising=False)
    response = lab.by("runner")("POST", "/experiments", changed(task__dataset={"kind": "mnist"}))
    assert response.status_code == 422
    assert "task.dataset" in codes(response)
    assert "train-images-idx3-ubyte.gz" in response.content.decode()
    assert not Experiment.objects.exists()


@pytest.mark.parametrize("path", ["/experiments", "/estimates", "/fleets"])
def test_ten_megabytes(path: str, lab: Lab) -> None:
    response = lab.by("owner")("POST", path, b"name: " + b"x" * 10 * 2**20)
    assert (response.status_code, response.json()["code"]) == (413, "too_large")
    assert not Experiment.objects.exists()


def test_not_utf_8(lab: Lab) -> None:
    response = lab.by("runner")("POST", "/experiments", b"name: \xff\xfe")
    assert (response.status_code, codes(response)) == (422, {"": "encoding"})


def test_every_problem_of_a_stage_is_listed(lab: Lab) -> None:
    text = changed(
        task__rounds=-1, task__local={"lr": -1, "batch_size": 0}, task__strategy={"kind": "fedprox", "mu": 99}
    )
    found = codes(lab.by("runner")("POST", "/experiments", text))
    assert set(found) == {"task.rounds", "task.local.lr", "task.local.batch_size", "task.strategy.mu"}
