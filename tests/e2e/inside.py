"""What a browser cannot do: a few lines that run on the platform's own database."""

import os
import subprocess
import sys

from tests.environment import ROOT
from tests.launcher.platform import Platform


def run_inside(platform: Platform, script: str, *arguments: str) -> list[str]:
    """The words that a script prints; it runs with Django set up on the folder of the platform."""
    environment = {
        **os.environ,
        "EDGELOOM_HOME": str(platform.folder.root),
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", f"import sys\nimport django\ndjango.setup()\n{script}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()
