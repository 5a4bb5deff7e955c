"""The launcher has no ``.py`` in its name; this loads it as a module all the same."""

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType

from tests.environment import ROOT


def load_launcher() -> ModuleType:
    """A fresh module of the launcher's code."""
    spec = spec_from_loader("launcher", SourceFileLoader("launcher", str(ROOT / "edgeloom")))
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules["launcher"] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module
