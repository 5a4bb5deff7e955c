"""``edgeloom user create | password``: accounts from the command line."""

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from engine.core.errors import SpecError
from webapp.teams.models import Role, Team, User
from webapp.teams.services import create_user, first_team, seed_workspace, set_password

BAD_INPUT = 2


class Command(BaseCommand):
    """Makes accounts and sets passwords."""

    help = "Make an account, or give one a new password."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the two actions and what they take."""
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="Make an account in a team.")
        create.add_argument("email", help="Address by which the person signs in.")
        create.add_argument("--team", help="Short name of the team; the first one without it.")
        create.add_argument("--role", default=Role.EDITOR.value, choices=Role.values, help="Role in the team.")
        password = actions.add_parser("password", help="Give an account a new password.")
        password.add_argument("email", help="Address of the account.")
        for action in (create, password):
            action.add_argument(
                "--password-stdin", action="store_true", help="Read the password from standard input, without asking."
            )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for.

        Raises:
            CommandError: something is wrong with the input.
        """
        try:
            if options["action"] == "create":
                user = self._create(options)
                self.stdout.write(f"{user.email} can sign in now.")
            else:
                user = self._find(options["email"])
                set_password(user, self._password(options))
                self.stdout.write(f"{user.email} has a new password; open sessions of this account have ended.")
        except SpecError as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error

    def _create(self, options: dict[str, Any]) -> User:
        team = self._team(options["team"])
        return create_user(options["email"], self._password(options), team=team, role=options["role"])

    @staticmethod
    def _team(slug: str | None) -> Team:
        team = Team.objects.filter(slug=slug).first() if slug else first_team(seed_workspace())
        if team is None:
            known = ", ".join(Team.objects.order_by("slug").values_list("slug", flat=True))
            raise CommandError(f"There is no team {slug!r}. Teams: {known or 'none'}.", returncode=BAD_INPUT)
        return team

    @staticmethod
    def _find(email: str) -> User:
        user = User.objects.filter(email__iexact=email.strip()).first()
        if user is None:
            raise CommandError(f"There is no account {email!r}.", returncode=BAD_INPUT)
        return user

    @staticmethod
    def _password(options: dict[str, Any]) -> str:
        if options["password_stdin"] or not sys.stdin.isatty():
            return sys.stdin.readline().rstrip("\r\n")
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Password again: "):
            raise CommandError("The two passwords differ.", returncode=BAD_INPUT)
        return password
