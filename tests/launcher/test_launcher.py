"""The launcher: what it offers, what it installs, and what it says when it cannot."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.environment import ROOT
from tests.launcher.loading import load_launcher

HANDED_ON = [name for name, command in load_launcher().COMMANDS.items() if command.start]


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The launcher's code, with its environment in a temporary folder."""
    module = load_launcher()
    monkeypatch.setattr(module, "VENV", tmp_path / "venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / "venv" / "bin" / "python")
    return module


def call(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the launcher as a user would, on the environment that runs this test."""
    venv = Path(sys.executable).parent.parent
    return subprocess.run(
        [sys.executable, str(ROOT / "edgeloom"), *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "EDGELOOM_VENV": str(venv), **environment},
    )


def test_overview_names_every_command_and_the_folder(home: Path) -> None:
    done = call("--help")
    assert done.returncode == 0
    assert str(home) in done.stdout
    assert all(f"  {name} " in done.stdout for name in load_launcher().COMMANDS)


def test_no_command_is_bad_input() -> None:
    assert call().returncode == 2


def test_unknown_command_lists_those_there_are() -> None:
    done = call("frobnicate")
    assert done.returncode == 2
    assert "'frobnicate'" in done.stderr
    assert "estimate" in done.stderr


def test_home_without_folder_is_bad_input() -> None:
    done = call("list", "--home")
    assert done.returncode == 2
    assert "--home FOLDER" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", HANDED_ON)
def test_every_offered_command_exists(name: str) -> None:
    done = call(name, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()


@pytest.mark.parametrize("flag", ["--home", "--data-dir"])
def test_home_is_taken_anywhere_but_after_two_dashes(
    launcher: ModuleType, flag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGELOOM_HOME", "/elsewhere")
    words = launcher.take_home(["run", "spec.yaml", flag, str(tmp_path), "--set", "a=b", "--", flag, "kept"])
    assert words == ["run", "spec.yaml", "--set", "a=b", "--", flag, "kept"]
    assert os.environ["EDGELOOM_HOME"] == str(tmp_path)


def test_home_defaults_to_a_folder_of_the_user(launcher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGELOOM_HOME")
    launcher.take_home(["up"])
    assert os.environ["EDGELOOM_HOME"] == str(Path.home() / ".edgeloom")


def run_as_version(version: str, path: str) -> subprocess.CompletedProcess[str]:
    """Run the launcher on a Python that claims to be another version."""
    code = f"import runpy, sys; sys.version_info = {version}; sys.argv = ['edgeloom', 'up']; runpy.run_path('edgeloom')"
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
    )


@pytest.mark.parametrize("version", ["(3, 10, 4)", "(3, 14, 0)", "(2, 7, 18)"])
def test_wrong_python_is_refused_in_one_line(version: str, tmp_path: Path) -> None:
    done = run_as_version(version, str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr


def test_wrong_python_hands_on_to_a_right_one(tmp_path: Path) -> None:
    other = tmp_path / "python3.12"
    other.write_text('#!/bin/sh\n[ "$1" = -c ] || echo "took over: $*"\n')
    other.chmod(0o755)
    done = run_as_version("(3, 10, 4)", f"{tmp_path}:/usr/bin:/bin")
    assert done.stdout == "took over: edgeloom up\n"


def test_missing_ensurepip_says_what_to_install(launcher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(launcher.StepFailedError, match=r"apt-get install python3\.\d+-venv"):
        launcher.make_venv()


def test_a_folder_with_something_else_is_left_alone(launcher: ModuleType) -> None:
    launcher.VENV.mkdir()
    (launcher.VENV / "thesis.tex").touch()
    with pytest.raises(launcher.StepFailedError, match="holds something else"):
        launcher.install(with_tests=False)
    assert (launcher.VENV / "thesis.tex").exists()


def test_a_half_made_environment_is_not_used(launcher: ModuleType) -> None:
    launcher.PYTHON.parent.mkdir(parents=True)
    launcher.PYTHON.write_text("#!/bin/sh\nexit 1\n")
    launcher.PYTHON.chmod(0o755)
    with pytest.raises(launcher.StepFailedError, match="is incomplete; delete that folder"):
        launcher.install(with_tests=False)


def test_failed_step_shows_the_last_words_and_the_remedy(launcher: ModuleType) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no space left')"]
    with pytest.raises(launcher.StepFailedError, match=r"(?s)no space left.*Free some\."):
        launcher.run(command, "Free some.")


class Recorder:
    """Stands in for the installation and notes what would have been run."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[str], dict[str, str]]] = []

    def __call__(self, command: list[str], remedy: str, environment: dict[str, str] | None = None) -> str:
        self.calls.append((command, environment or {}))
        return ""


@pytest.fixture
def recorder(launcher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """What the launcher runs, with uv at hand."""
    recorder = Recorder()
    monkeypatch.setattr(launcher, "run", recorder)
    monkeypatch.setattr(launcher, "has_uv", lambda: True)
    monkeypatch.setattr(launcher, "imports", lambda module: True)
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    return recorder


def test_folder_of_wheels_is_passed_on_only_if_it_exists(
    launcher: ModuleType, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "gone"))
    launcher.install_lock(launcher.LOCK)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    launcher.install_lock(launcher.LOCK)
    assert [environment.get("UV_FIND_LINKS") for _, environment in recorder.calls] == [None, str(tmp_path)]


def test_pip_installs_where_uv_cannot_be_had(
    launcher: ModuleType, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "has_uv", lambda: False)
    launcher.install_lock(launcher.LOCK)
    command = recorder.calls[0][0]
    assert command[1:4] == ["-m", "pip", "install"]
    assert "--no-compile" in command


def test_lock_is_installed_once_and_again_when_it_changes(
    launcher: ModuleType, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("uv==1.0  # installs\n")
    monkeypatch.setattr(launcher, "LOCK", lock)
    launcher.PYTHON.parent.mkdir(parents=True)
    launcher.PYTHON.touch()
    for text, num_installs in (("uv==1.0", 1), ("uv==1.0", 1), ("uv==1.1", 2)):
        lock.write_text(text)
        launcher.install(with_tests=False)
        assert len(recorder.calls) == num_installs


def test_failed_installation_is_tried_again(
    launcher: ModuleType, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher.PYTHON.parent.mkdir(parents=True)
    launcher.PYTHON.touch()
    monkeypatch.setattr(launcher, "imports", lambda module: True)

    def fail(*_: object) -> str:
        raise launcher.StepFailedError("no network")

    monkeypatch.setattr(launcher, "run", fail)
    with pytest.raises(launcher.StepFailedError):
        launcher.install(with_tests=False)
    monkeypatch.setattr(launcher, "run", recorder)
    launcher.install(with_tests=False)
    assert len(recorder.calls) == 1


def test_lock_text_keeps_reasons_and_drops_what_differs_between_machines(launcher: ModuleType, tmp_path: Path) -> None:
    source = tmp_path / "requirements.in"
    source.write_text("# heading\ntorch==2.13.0  # training\npsycopg[binary]==3.3.9  # PostgreSQL\n")
    resolved = (
        "cuda-toolkit==13 ; sys_platform == 'linux'  # via torch\nnvidia-cublas==13.1  # via cuda-toolkit\n"
        "psycopg==3.3.9            # via -r requirements.in\ntorch==2.13.0  # via -r requirements.in\n"
        "triton==3.7.1  # via torch\nvine==5.1.0  # via celery\n"
    )
    lines = launcher.readable(resolved, source).splitlines()[1:]
    assert [line.split("#")[0].split() for line in lines] == [["psycopg==3.3.9"], ["torch==2.13.0"], ["vine==5.1.0"]]
    assert [line.split("# ")[1] for line in lines] == ["PostgreSQL", "training", "via celery"]
