"""What must be in place before the web server starts, whoever starts it."""

import os
from collections.abc import Callable, Mapping

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connections

from webapp.system import assets, statics
from webapp.system import broker as brokers
from webapp.system.errors import StartError
from webapp.teams.services import seed_workspace
from webapp.teams.tokens import issue_sign_in_link


def prepare_database() -> None:
    """Bring the tables up to date and make the first workspace, both only where needed.

    Raises:
        StartError: the database cannot be used.
    """
    try:
        call_command("migrate", interactive=False, verbosity=0)
        seed_workspace()
    except OperationalError as error:
        place = "of DATABASE_URL" if os.environ.get("DATABASE_URL") else f"in {settings.EDGELOOM_HOME}"
        raise StartError(f"The database {place} cannot be used: {str(error).strip()}") from error
    finally:
        connections.close_all()


def prepare_assets(say: Callable[[str], None]) -> None:
    """Put the browser libraries in place; without a way to get them, warn and go on."""
    if assets.are_current():
        return
    problem = assets.install()
    if problem:
        say(f"WARNING: the browser libraries could not be fetched; pages show tables instead of charts. {problem}")


def prepare_statics(environment: Mapping[str, str]) -> None:
    """Collect the static files if a source changed.

    Raises:
        StartError: it failed.
    """
    if not statics.are_current():
        statics.collect(environment)


def check_broker(url: str) -> None:
    """See whether the broker that the user named can be used.

    Raises:
        StartError: there is none, or it does not answer.
    """
    if not url:
        raise StartError("REDIS_URL is not set; it names the broker, as in redis://:PASSWORD@HOST:6379/0")
    if not brokers.answers(url, timeout_s=5.0):
        raise StartError("The broker of REDIS_URL does not answer. Is it running, are host, port and password right?")


def sign_in_link(url: str) -> str:
    """A new link that signs the first owner in once."""
    try:
        return f"{url}/sign-in/{issue_sign_in_link(seed_workspace())}/"
    finally:
        connections.close_all()
