"""The repository's own files, as the architecture tests look at them."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.environment import ROOT

PACKAGES = ("engine", "webapp", "workers", "tests", "benchmarks")


@cache
def tracked() -> tuple[Path, ...]:
    """Files that belong to the repository; without git, all files of its folders."""
    listing = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return tuple(path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file())
    return tuple(
        path for folder in (*PACKAGES, "docs", "templates") for path in (ROOT / folder).rglob("*") if path.is_file()
    )


def python_files() -> Iterator[Path]:
    """Hand-written Python files; migrations are made by a command."""
    for path in tracked():
        if (path.suffix == ".py" or path.name == "edgeloom") and "migrations" not in path.parts:
            yield path


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def name_of(path: Path) -> str:
    """The path as the repository knows it."""
    return str(path.relative_to(ROOT))
