"""The process environment of every test: a platform folder of its own and nothing that the user's shell has set.

Imported before Django's settings are, because those read the environment once.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLATFORM_VARIABLES = (
    "DATABASE_URL",
    "REDIS_URL",
    "EDGELOOM_ALLOWED_HOSTS",
    "EDGELOOM_DEBUG",
    "EDGELOOM_HOST",
    "EDGELOOM_ORIGINS",
    "EDGELOOM_PORT",
    "EDGELOOM_SECRET_KEY",
)


def isolate() -> Path:
    """Give this process a new, empty platform folder, which goes when the process does."""
    for name in PLATFORM_VARIABLES:
        os.environ.pop(name, None)
    if url := os.environ.get("EDGELOOM_TEST_DATABASE_URL"):  # tests/servers runs tests on PostgreSQL by this
        os.environ["DATABASE_URL"] = url
    home = Path(tempfile.mkdtemp(prefix="edgeloom-tests-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["EDGELOOM_HOME"] = str(home)
    os.environ["OMP_NUM_THREADS"] = "1"  # one thread a process: what every worker does, and xdist uses all cores
    shared = ROOT.parent / "shared" / "data"
    if "EDGELOOM_DATA" not in os.environ and shared.is_dir():
        os.environ["EDGELOOM_DATA"] = str(shared)
    return home


HOME = isolate()
