"""Presets: each is a valid task on a fitting fleet, is resolved by value, and yields to what stands beside it."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import main
from engine.core.errors import SpecError
from engine.specs.checks import check
from engine.specs.presets import presets
from engine.specs.text import cells, parse_tree, tree_of, validate
from engine.specs.writer import write

DIGITS = {"dataset": {"kind": "digits"}, "partition": {"kind": "iid"}, "rounds": 2}


def spec_with(task: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A spec on ten phones that can hold any model here."""
    fleet = {"groups": [{"name": "phones", "device": "phone_flagship_d9300", "count": 100}]}
    return {"version": 1, "name": "preset", "fleet": fleet, "task": task, **parts}


@pytest.mark.parametrize("name", sorted(presets()))
def test_each_is_told_and_fits(name: str) -> None:
    preset = presets()[name]
    assert preset.title
    assert preset.summary.endswith(".") or preset.summary.endswith(".\n")
    assert preset.source
    beside = {} if "dataset" in preset.task else DIGITS
    parts = {"network": {"topology": {"kind": "hierarchical"}}} if name == "hierfavg" else {}
    spec = validate(spec_with({"preset": name, **beside}, **parts))
    assert not [problem for problem in check(spec) if problem.code != "data_unavailable"]
    kept = tree_of(spec)["task"]
    assert "preset" not in kept
    assert all(key in kept for key in preset.task)
    write(dict(preset.task))


def test_cost_of_the_fedmax_paper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """600 rounds of ten clients with 659,818 parameters of four bytes: 15.8 GB each way."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(write(spec_with({"preset": "fedmax_paper"})))
    assert main(["estimate", str(spec), "--json"]) == 0
    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    assert cell["totals"]["bytes_up"]["expected"] == cell["totals"]["bytes_down"]["expected"] == 600 * 10 * 659_818 * 4
    assert cell["totals"]["energy_j"]["expected"] > 0


@pytest.mark.parametrize(("name", "images", "steps"), [("fast_dfkd_10", 196 * 256, 10), ("dafl_cifar", 102_400, 120)])
def test_cost_of_papers_without_data(
    name: str, images: int, steps: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Images are whole batches, and the host's time is told before anything is trained."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(write(spec_with({"preset": name})))
    assert main(["estimate", str(spec), "--json"]) == 0
    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    assert cell["host_s"] > 3600
    task = parse_tree(spec_with({"preset": name})).task.model_dump()
    batch = task["synthesizer"]["batch_size"]
    assert -(-task["num_images"] // batch) * batch == images
    assert task["synthesizer"]["steps"] == steps


def test_what_stands_beside_it_wins() -> None:
    task = {"preset": "mcmahan_mnist_cnn", "local": {"lr": 0.2}, "partition": {"kind": "iid"}, "rounds": 3}
    spec = validate(spec_with(task))
    plain: Any = tree_of(spec)["task"]
    assert plain["local"] == {"epochs": 5, "batch_size": 10, "lr": 0.2}
    assert plain["partition"] == {"kind": "iid"}
    assert plain["rounds"] == 3


def test_settings_and_sweeps_may_name_one() -> None:
    tree = spec_with({"kind": "federated", **DIGITS})
    spec = parse_tree(tree, settings=["task.preset=sign_majority"])
    assert tree_of(spec)["task"]["aggregator"]["kind"] == "sign_majority"
    swept = parse_tree({**tree, "sweep": {"task.preset": ["sign_majority", "fedbuff"]}})
    kinds = [cell.spec.task.model_dump()["aggregator"]["kind"] for cell in cells(swept)]
    assert kinds == ["sign_majority", "mean"]


@pytest.mark.parametrize("name", ["fedbuf", 7, {"kind": "fedbuff"}])
def test_an_unknown_one_is_refused_with_those_there_are(name: Any) -> None:
    with pytest.raises(SpecError) as caught:
        parse_tree(spec_with({"preset": name, **DIGITS}))
    (problem,) = caught.value.problems
    assert problem.path == "task.preset"
    assert "fedbuff" in problem.message
