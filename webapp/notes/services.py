"""What can be done with notes."""

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from engine.core.errors import Problem, SpecError
from webapp.experiments.models import Run
from webapp.experiments.submission import require
from webapp.notes.models import Note
from webapp.teams.access import at_least
from webapp.teams.models import Role, User

MAX_LENGTH = 10_000


def add(run: Run, user: User, text: str) -> Note:
    """Write a note on a run.

    Raises:
        PermissionDenied: the user is no runner of the team.
        SpecError: the text is empty or too long.
    """
    require(user, run.team, Role.RUNNER)
    return Note.objects.create(team=run.team, run=run, text=checked(text), author=user)


def edit(note: Note, user: User, text: str) -> Note:
    """Change the text of one's own note.

    Raises:
        PermissionDenied: somebody else wrote it, or the user is no runner of the team any more.
        SpecError: the text is empty or too long.
    """
    if not may_edit(note, user):
        raise PermissionDenied("Only who wrote a note changes it.")
    note.text, note.edited_at = checked(text), timezone.now()
    note.save(update_fields=["text", "edited_at"])
    return note


def remove(note: Note, user: User) -> None:
    """Delete a note: one's own, or as an owner of the team anybody's.

    Raises:
        PermissionDenied: it is somebody else's, and the user is no owner.
    """
    if not may_remove(note, user):
        raise PermissionDenied("Only who wrote a note, or an owner of the team, deletes it.")
    note.delete()


def may_edit(note: Note, user: User) -> bool:
    """Whether the user wrote it and may still write here."""
    return note.author_id == user.pk and at_least(user, note.team, Role.RUNNER)


def may_remove(note: Note, user: User) -> bool:
    """Whether the user may delete it."""
    return may_edit(note, user) or at_least(user, note.team, Role.OWNER)


def checked(text: str) -> str:
    """The text, with line ends as they are stored and without space around it.

    Raises:
        SpecError: it is empty, too long or cannot be stored.
    """
    plain = text.replace("\r\n", "\n").strip()
    if not 1 <= len(plain) <= MAX_LENGTH or "\0" in plain:
        message = f"a note has 1 to {MAX_LENGTH:,} characters; given {len(plain):,}"
        raise SpecError([Problem("text", "wrong_length", message)])
    return plain
