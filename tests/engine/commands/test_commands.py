"""The commands: exit codes, what goes to which stream, run folders that are continued or refused."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import main
from engine.costs.trace import Trace
from engine.specs.text import digest, parse

SPEC = """
name: Tiny
seeds: [0]
fleet: {groups: [{name: boards, count: 4}]}
task:
  kind: federated
  dataset: {kind: digits}
  model: {kind: mlp, hidden: [8]}
  sampler: {kind: uniform, num_clients: 2}
  rounds: 2
"""
GRID = "sweep: {task.strategy: [{kind: fedavg}, {kind: fedprox, mu: 0.1}]}\n"


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    """A small spec on disk."""
    place = tmp_path / "spec.yaml"
    place.write_text(SPEC)
    return place


def rows(place: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with place.open(newline="") as file:
        return list(csv.DictReader(file))


def result(folder: Path) -> dict[str, Any]:
    """The result of a run folder without host times."""
    tree = json.loads((folder / "result.json").read_bytes())
    for cell in tree.get("cells", [tree]):
        del cell["wall_s"]
    return dict(tree)


def test_run_writes_a_folder_that_anyone_can_read(spec_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["run", str(spec_file), "--out", str(out)]) == 0
    assert {file.name for file in out.iterdir()} == {
        "spec.yaml", "events.jsonl", "metrics.csv", "trace.safetensors", "ledger.csv", "result.json", "artifacts",
        "provenance.json",
    }  # fmt: skip
    spec = parse((out / "spec.yaml").read_bytes())
    found = result(out)
    assert (found["state"], found["seeds"], found["digest"]) == ("done", [0], digest(spec))
    accuracy = found["metrics"]["accuracy"]
    assert accuracy["ci95"] is None  # one run says nothing about its error
    assert accuracy["values"] == [accuracy["mean"]]
    assert {"time_s", "energy_j", "bytes_up", "bytes_down", "share_recalled"} <= set(found["costs"])
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["kind"], events[-1]["kind"]) == ("started", "finished")
    assert events[0]["body"]["digest"] == found["digest"]
    last = rows(out / "metrics.csv")[-1]
    assert float(last["accuracy"]) == accuracy["mean"]
    assert float(last["time_s"]) == pytest.approx(found["costs"]["time_s"])
    ledger = rows(out / "ledger.csv")
    devices = sum(float(row["energy_j"]) for row in ledger if row["owner"].startswith("device:"))
    assert devices == pytest.approx(found["costs"]["energy_j"])
    assert Trace.load(out / "trace.safetensors").num_items > 0
    provenance = json.loads((out / "provenance.json").read_bytes())
    assert provenance["packages"]["torch"]
    assert provenance["cpu"]


WITHOUT_DATA = """
fleet: {groups: [{name: boards, count: 1}]}
task:
  kind: datafree
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [8]}, training: {epochs: 1, batch_size: 200}}
  student: {kind: mlp, hidden: [4]}
  synthesizer: {kind: noise}
  num_images: 100
  distillation: {steps: 2}
  export: {formats: []}
"""


def test_run_prints_what_stands_beside_a_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "spec.yaml"
    place.write_text(WITHOUT_DATA)
    assert main(["run", str(place), "--out", str(tmp_path / "out")]) == 0
    found = result(tmp_path / "out")["baselines"]
    names = ("teacher", "oracle", "real_distillation", "noise")
    told = " · ".join(f"{name} {found[name]['accuracy']:.4g}" for name in names)
    assert f"beside it        accuracy of {told}" in capsys.readouterr().out


@pytest.mark.slow
def test_several_runs_share_a_folder(spec_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec_file.write_text(SPEC + GRID)
    out = tmp_path / "out"
    assert main(["run", str(spec_file), "--out", str(out), "--set", "seeds=[0, 1]", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "result.json").read_bytes())
    assert [cell["label"] for cell in printed["cells"]] == ["strategy=fedavg", "strategy=fedprox"]
    assert sorted(folder.name for folder in (out / "runs").iterdir()) == [
        "strategy-fedavg-0", "strategy-fedavg-1", "strategy-fedprox-0", "strategy-fedprox-1",
    ]  # fmt: skip
    cell = printed["cells"][0]
    alone = [result(out / "runs" / f"strategy-fedavg-{seed}")["metrics"]["accuracy"]["mean"] for seed in (0, 1)]
    assert cell["metrics"]["accuracy"]["values"] == alone
    assert cell["metrics"]["accuracy"]["ci95"][0] <= cell["metrics"]["accuracy"]["mean"]
    merged = rows(out / "metrics.csv")
    assert {(row["cell"], row["seed"]) for row in merged} == {
        (label, seed) for label in ("strategy=fedavg", "strategy=fedprox") for seed in ("0", "1")
    }
    assert list(merged[0])[:2] == list(rows(out / "ledger.csv")[0])[:2] == ["cell", "seed"]
    first = json.loads((out / "events.jsonl").read_text().splitlines()[0])
    assert (first["cell"], first["seed"], first["seq"]) == ("strategy=fedavg", 0, 1)


def test_a_finished_folder_is_reported_and_another_experiment_refused(
    spec_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["run", str(spec_file), "--out", str(out)]
    assert main(words) == 0
    before = (out / "events.jsonl").stat().st_mtime_ns
    assert main([*words, "--set", "name=Renamed"]) == 0  # the name changes no result
    assert (out / "events.jsonl").stat().st_mtime_ns == before
    for change in ("task.rounds=3", "seeds=[1]", "seeds=[0, 1]"):
        assert main([*words, "--set", change]) == 2
        assert "holds another experiment" in capsys.readouterr().err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert main(["run", str(spec_file), "--out", str(tmp_path / "full")]) == 2
    assert "no run folder" in capsys.readouterr().err


def test_without_a_folder_the_platform_keeps_one(
    spec_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path / "other"))  # and restored, though the command sets it
    assert main(["--home", str(home), "run", str(spec_file)]) == 0
    (folder,) = (home / "runs").iterdir()
    assert result(folder)["state"] == "done"
    assert main(["run", str(spec_file), "--home", str(home)]) == 0
    assert len(list((home / "runs").iterdir())) == 1


def test_the_same_seed_gives_the_same_files(spec_file: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert main(["run", str(spec_file), "--out", str(tmp_path / name)]) == 0
    for file in ("events.jsonl", "metrics.csv", "ledger.csv", "trace.safetensors", "artifacts/model.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert result(tmp_path / "a") == result(tmp_path / "b")


LONG = ["--set", "task.rounds=300", "--set", "task.evaluation.every_rounds=10"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a long run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "spec.yaml").write_text(SPEC)
    assert main(["run", str(folder / "spec.yaml"), "--out", str(folder / "out"), *LONG]) == 0
    return folder / "out"


def start(spec_file: Path, out: Path) -> subprocess.Popen[str]:
    """The long run in a process of its own, with a checkpoint every few steps."""
    words = ["run", str(spec_file), "--out", str(out), *LONG, "--set", "execution.checkpoint_s=0.05"]
    return subprocess.Popen(
        [sys.executable, "-m", "engine", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_events(out: Path, count: int) -> None:
    """Wait until the run has written that many events."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        place = out / "events.jsonl"
        if place.exists() and place.read_bytes().count(b"\n") >= count:
            return
        time.sleep(0.01)
    raise AssertionError("the run wrote no events in a minute")


@pytest.mark.slow
@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full), signal.SIGKILL]
)
def test_an_interrupted_run_goes_on_with_the_same_command_and_the_same_bits(
    spec_file: Path, tmp_path: Path, whole: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    process = start(spec_file, out)
    wait_for_events(out, 40)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 130)
    assert "Traceback" not in errors
    assert not (out / "artifacts").exists()
    again = start(spec_file, out)
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    for file in ("events.jsonl", "metrics.csv", "ledger.csv", "trace.safetensors", "artifacts/model.safetensors"):
        assert (out / file).read_bytes() == (whole / file).read_bytes(), file
    assert result(out) == result(whole)
    assert not (out / "checkpoint").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("task.rundss=1", ["task.rundss", "did you mean 'rounds'"]),
        ("task.rounds='many'", ["task.rounds", "a whole number"]),
        ("task.sampler.num_clients=200", ["task.sampler.num_clients", "200"]),
        ("task.model.hidden=[60000, 60000]", ["task.model", "bytes of memory"]),
        ("task.local.lr=.nan", ["task.local.lr", "finite"]),
        ("rounds", ["path=value"]),
    ],
)
def test_bad_input_is_listed_on_standard_error(
    spec_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, words: list[str]
) -> None:
    out = tmp_path / "out"
    for command in (["run", str(spec_file), "--out", str(out)], ["check", str(spec_file)]):
        assert main([*command, "--set", change]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        for word in words:
            assert word in printed.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fleet: [", "line 1"),
        ("fleet: {}\nfleet: {}", "second time"),
        ("x" * (10 << 20), "at most 1,048,576 bytes"),
        ("\0\1\2", "YAML"),
        ("", "a spec is a mapping"),
    ],
)
def test_files_that_are_no_specs(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str) -> None:
    place = tmp_path / "bad.yaml"
    place.write_text(text)
    assert main(["run", str(place), "--out", str(tmp_path / "out")]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_files_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none.yaml")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert main(["check", str(tmp_path)]) == 2


def test_a_place_that_cannot_be_written_is_a_failure_in_one_line(
    spec_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["check", str(spec_file), "--json", str(tmp_path / "none" / "found.json")]) == 1
    assert capsys.readouterr().err.startswith("edgeloom: No such file or directory")
    assert main(["run", str(spec_file), "--out", str(tmp_path / "file" / "out")]) == 1
    assert capsys.readouterr().err.startswith("edgeloom: Not a directory")


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m engine schema | head -c 10"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_missing_data_set_is_bad_input(
    spec_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGELOOM_OFFLINE", "1")
    monkeypatch.setenv("EDGELOOM_DATA", "")
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path / "home"))
    words = [str(spec_file), "--set", "task.dataset={kind: mnist}", "--set", "task.sampler.num_clients=2"]
    assert main(["run", *words, "--out", str(tmp_path / "out")]) == 2
    assert "train-images-idx3-ubyte" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main(["check", *words]) == 2


def test_check_says_what_it_found_as_json(spec_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(spec_file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["valid"], found["problems"], len(found["cells"])) == (True, [], 1)
    place = tmp_path / "found.json"
    assert main(["check", str(spec_file), "--set", "seeds=[]", "--json", str(place)]) == 2
    found = json.loads(place.read_bytes())
    assert [(problem["path"], problem["code"]) for problem in found["problems"]] == [("seeds", "wrong_length")]


def test_list_prints_one_kind_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "strategies"]) == 0
    assert {"fedavg", "fedprox", "fedmax", "scaffold"} <= set(capsys.readouterr().out.splitlines())
    assert main(["list", "devices"]) == 0
    assert "rpi_4b_4gb" in capsys.readouterr().out.splitlines()
    assert main(["list"]) == 0
    assert "strategies" in capsys.readouterr().out.splitlines()
    assert main(["list", "presets"]) == 0
    assert "fedmax_paper" in capsys.readouterr().out.splitlines()
    assert main(["list", "presets", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["task"]["kind"] == "federated"
    assert main(["list", "strategys"]) == 2
    assert "did you mean strategies" in capsys.readouterr().err
    assert main(["list", "strategies", "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert {"fedavg", "fedprox"} <= {entry["kind"] for entry in described}
    assert main(["list", "links", "--json"]) == 0
    assert "wifi4_linux" in {entry["id"] for entry in json.loads(capsys.readouterr().out)}


@pytest.mark.slow
def test_schema_is_a_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert {"fleet", "network", "task", "seeds"} <= set(schema["properties"])


def test_unknown_commands_and_options_are_bad_input() -> None:
    for words in (["fly"], [], ["run"], ["check", "x.yaml", "--fast"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 2


@pytest.mark.slow
def test_a_piped_run_is_quiet(spec_file: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "engine", "run", str(spec_file), "--out", str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ.copy())
    assert "\r" not in done.stdout + done.stderr
    assert "accuracy" in done.stdout
    assert done.stderr.strip() == f"files are in {tmp_path / 'out'}"


DEPLOYED = """
fleet: {groups: [{name: sensors, device: nrf52840, count: 2}]}
task:
  kind: datafree
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [64]}, training: {epochs: 1}}
  student: {kind: mlp, hidden: [%d]}
  synthesizer: {kind: noise}
"""


def test_an_estimate_of_a_deployment_says_what_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An MLP 64-h-10 has 75 h + 10 weights and biases of four bytes; 1 MiB of flash holds no 16,000 hidden units."""
    spec = tmp_path / "spec.yaml"
    for hidden, fits in ((8, True), (16_000, False)):
        spec.write_text(DEPLOYED % hidden)
        assert main(["estimate", str(spec), "--json"]) == 0
        (cell,) = json.loads(capsys.readouterr().out)["cells"]
        wide = next(row for row in cell["fits"] if row["precision"] == "fp32")
        assert (wide["fits"], wide["flash_available"]) == (fits, 1 << 20)
        assert main(["estimate", str(spec)]) == 0
        told = capsys.readouterr().out
        assert "round" not in told
        assert ("does not fit" in told) != fits
        assert f"{wide['flash_needed']:,} of 1,048,576" in told
    assert wide["excess_flash_bytes"] >= 4 * (75 * 16_000 + 10) - (1 << 20)
