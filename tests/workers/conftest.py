"""A platform of real processes, and runs that are long enough to be disturbed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.webapp.people import People, make_people
from tests.workers.platform import Platform, use_broker
from tests.workers.reference import undisturbed
from webapp.experiments.models import Experiment, Run
from webapp.experiments.services import submit


@pytest.fixture
def people(transactional_db: None) -> People:
    """Two teams and their people."""
    return make_people()


@pytest.fixture
def platform(transactional_db: None, tmp_path: Path) -> Iterator[Platform]:
    """A broker on the test's database; workers and web servers are started by the tests."""
    platform = Platform(tmp_path)
    platform.start_broker()
    use_broker(platform.url)
    yield platform
    platform.stop()
    use_broker("")


@pytest.fixture
def launch(people: People) -> Callable[..., Run]:
    """Submits and launches a spec as the runner; gives its first run."""

    def launched(text: str) -> Run:
        experiment = submit(people.team, people["runner"], text, launch=True)
        return first_run(experiment)

    return launched


@pytest.fixture(scope="module")
def expected(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The events of an undisturbed run of the module's ``TEXT``, in one process."""
    return undisturbed(request.module.TEXT, tmp_path_factory.mktemp("reference"))


@pytest.fixture
def run(request: pytest.FixtureRequest, platform: Platform, launch: Callable[[str], Run], settings: Any) -> Run:
    """A launched run of the module's ``TEXT`` that nobody works on yet."""
    settings.RESEND_S = 2.0
    return launch(request.module.TEXT)


def first_run(experiment: Experiment) -> Run:
    """The run of the first seed of the first cell."""
    return Run.objects.filter(cell__experiment=experiment).order_by("cell__index", "seed").select_related("cell")[0]
