"""What may and may not stand in the repository's files."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture.sources import name_of, python_files, tracked
from tests.environment import ROOT

# Written with character classes, so that this file does not find itself.
FORBIDDEN = {
    "a path of somebody's machine": r"/(?:wor[k]|roo[t]|hom[e])/[A-Za-z]\w*/|/opt/wheel[s]",
    "a package registry's host": r"pypi[.]org|pythonhosted[.]org|npmjs[.]org|deb[.]debian[.]org|download[.]pytorch",
    "unfinished work": r"\bTOD[O]\b|\bFIXM[E]\b",
}
TEXT = {
    ".py",
    ".html",
    ".js",
    ".mjs",
    ".css",
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".json",
    ".in",
    ".lock",
    ".csv",
    ".txt",
    "",
}
PIN = re.compile(r"^[a-z0-9][a-z0-9-]*==[0-9][0-9a-z.]*( ; [^#]+)?\s+# \S.*$")
WISH = re.compile(r"^[A-Za-z0-9_.-]+(\[[a-z]+\])?==[0-9][0-9a-z.]*(; [^#]+)?\s+# \S.*$")

USED_BY_OTHERS = {
    "brotli": "whitenoise compresses with it",
    "channels-redis": "a backend in the settings",
    "hiredis": "redis parses with it",
    "httptools": "uvicorn parses with it",
    "psycopg": "Django's PostgreSQL backend",
    "uv": "the launcher installs with it",
    "uvicorn": "started as a program",
    "uvloop": "uvicorn runs on it",
    "websockets": "uvicorn speaks websocket with it",
    "whitenoise": "middleware in the settings",
    "django-csp": "middleware in the settings",
    "django-allauth": "an app in the settings",
    "django-htmx": "an app in the settings",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    hits = [
        f"{name_of(path)}:{number}: {line.strip()[:100]}"
        for path in tracked()
        if path.suffix in TEXT and path.name != "edgeloom.log"
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert hits == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_holds_names_and_versions_with_a_reason(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not PIN.match(line)] == []
    assert [line for line in lines if line.startswith(("nvidia", "cuda", "triton")) or "+" in line.split("#")[0]] == []


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_lock_holds_what_was_asked_for(name: str) -> None:
    wishes = [line for line in (ROOT / f"{name}.in").read_text().splitlines() if line and not line.startswith("#")]
    assert [line for line in wishes if not WISH.match(line)] == []
    lock = (ROOT / f"{name}.lock").read_text().splitlines()
    pinned = {line.split("#")[0].split(";")[0].strip() for line in lock}
    asked = {
        re.sub(r"\[.*?\]", "", line.split("#")[0].split(";")[0]).strip().lower().replace("_", "-") for line in wishes
    }
    assert {wish.replace("ruamel.yaml", "ruamel-yaml") for wish in asked} - pinned == set()


@pytest.mark.slow
def test_every_runtime_package_is_used() -> None:
    code = "\n".join(path.read_text() for path in python_files() if not name_of(path).startswith("tests/"))
    imported = set(re.findall(r"^\s*(?:from|import) ([A-Za-z_]\w*)", code, flags=re.MULTILINE))
    packages = packages_distributions()  # reads what every installed package says of itself: once
    used = {
        name.lower().replace("_", "-").replace(".", "-") for module in imported for name in packages.get(module, [])
    }
    wishes = [line.split("#")[0].split("==")[0] for line in (ROOT / "requirements.in").read_text().splitlines()]
    names = {re.sub(r"\[.*?\]", "", wish).strip().lower().replace("_", "-").replace(".", "-") for wish in wishes} - {""}
    assert names - used - USED_BY_OTHERS.keys() == set()


@pytest.mark.slow
def test_compose_file_and_image_start_what_exists() -> None:
    for command in ("serve", "assets"):
        done = subprocess.run(
            [sys.executable, "manage.py", command, "--help"], cwd=ROOT, capture_output=True, check=False
        )
        assert done.returncode == 0
        text = (ROOT / "Dockerfile").read_text() + (ROOT / "docker-compose.yml").read_text()
        assert f'manage.py", "{command}' in text or f"manage.py {command}" in text


def test_large_files_stay_out() -> None:
    large = {name_of(path): path.stat().st_size for path in tracked() if path.stat().st_size > 900 * 1024}
    assert large == {}


def test_every_link_between_documents_leads_somewhere() -> None:
    link = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
    broken = [
        f"{name_of(path)} -> {target}"
        for path in tracked()
        if path.suffix == ".md"
        for target in link.findall(path.read_text())
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_ci_script_is_executable() -> None:
    assert all(Path(ROOT / name).stat().st_mode & 0o111 for name in (".ci/run", "edgeloom"))
