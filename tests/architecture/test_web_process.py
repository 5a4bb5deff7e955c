"""What a fresh web process loads: the declarations of everything, and none of what computes."""

import subprocess
import sys

import pytest

from tests.environment import ROOT

IMPORTS = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
import webapp.asgi
from django.urls import get_resolver
get_resolver().reverse_dict  # loads every part's views
from engine.specs.describe import describe
from engine.specs.experiment import ExperimentSpec
from engine.specs.families import FAMILIES
assert sum(len(registry.members()) for registry in FAMILIES.values()) > 20
describe(ExperimentSpec)
import engine.runs.statistics, engine.runs.summary, engine.costs.estimate
print(*sorted(sys.modules))
"""
HEAVY = {"torch", "torchvision", "scipy", "sklearn", "networkx", "onnx", "onnxruntime", "PIL", "pyarrow"}


@pytest.mark.slow
def test_the_web_process_loads_neither_torch_nor_workers() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert {"webapp.urls", "engine.specs.text"} <= loaded
    assert loaded & HEAVY == set()
    assert {name for name in loaded if name.partition(".")[0] == "workers"} == set()


@pytest.mark.slow
def test_the_engine_needs_no_web_framework() -> None:
    code = "import engine.specs.text, engine.runs.loop, engine.__main__, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    roots = {name.partition(".")[0] for name in done.stdout.split()}
    assert roots & {"django", "ninja", "celery", "kombu", "redis", "channels", "webapp", "workers"} == set()
