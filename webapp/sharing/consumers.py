"""The live socket of a run that a shared link shows."""

from webapp.experiments.consumers import LiveStream
from webapp.experiments.models import Run
from webapp.experiments.viewer import NOT_FOUND
from webapp.sharing.guests import run_of
from webapp.sharing.services import find_share


class SharedStream(LiveStream):
    """``/ws/shared/<secret>/runs/<id>/``: for whoever has the link, as long as it is open and shows runs."""

    def is_trusted(self, offered: list[str]) -> bool:
        """From anywhere: the secret stands in the address, and no cookie counts."""
        return True

    def find(self) -> Run | int:
        """The run, if the link shows it now."""
        shared = find_share(self.scope["url_route"]["kwargs"]["secret"])
        return (run_of(shared, self.run_id) if shared is not None and shared.is_open else None) or NOT_FOUND
