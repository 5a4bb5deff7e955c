"""What pages and API do with experiments and runs; the work is done in the modules named here."""

from webapp.experiments.disposal import delete, purge, restore
from webapp.experiments.log import events_after
from webapp.experiments.outcomes import clone, estimate, result_of
from webapp.experiments.series import names_of, series
from webapp.experiments.states import Conflict
from webapp.experiments.steering import cancel, pause, resume
from webapp.experiments.submission import launch, reusable, submit

__all__ = [
    "Conflict",
    "cancel",
    "clone",
    "delete",
    "estimate",
    "events_after",
    "launch",
    "names_of",
    "pause",
    "purge",
    "restore",
    "result_of",
    "resume",
    "reusable",
    "series",
    "submit",
]
