"""The platform's folder on this machine."""

import os
from pathlib import Path

HOME_VARIABLE = "EDGELOOM_HOME"
"""Environment variable that names the folder; what is in it: ``data``, ``artifacts``, ``catalogue`` and more."""


def home_folder() -> Path:
    """The platform's folder: ``EDGELOOM_HOME``, or ``.edgeloom`` in the user's home."""
    return Path(os.environ.get(HOME_VARIABLE) or Path.home() / ".edgeloom")
