"""``edgeloom token create | list | revoke``: bearer tokens from the command line."""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from engine.core.errors import SpecError
from webapp.api.access import SCOPE_HELP, SCOPES
from webapp.system.preparation import prepare_database
from webapp.teams.access import role_of, teams_of
from webapp.teams.models import ApiToken, Team, User
from webapp.teams.services import first_team, seed_workspace
from webapp.teams.tokens import issue_token, revoke_token

BAD_INPUT = 2


class Command(BaseCommand):
    """Makes, lists and revokes tokens."""

    help = "Make, list or revoke bearer tokens of the REST API."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the actions and what they take."""
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="Make a token; it is printed alone on the last line.")
        create.add_argument("--name", required=True, help="What it is for.")
        scopes = "; ".join(f"{scope}: {text}" for scope, text in SCOPE_HELP.items())
        create.add_argument("--scopes", help=f"Separated by commas; read,run,write without. {scopes}.")
        create.add_argument("--days", type=float, help="Days until it expires; never without.")
        create.add_argument("--team", help="Short name of the only team that it reaches; the first one without.")
        listing = actions.add_parser("list", help="The tokens of a person.")
        revoke = actions.add_parser("revoke", help="Refuse a token from now on.")
        revoke.add_argument("prefix", help="First characters of the token, as the list shows them.")
        for action in (create, listing, revoke):
            action.add_argument("--user", help="E-mail address of the person; the first workspace's owner without.")
        for action in (create, listing):
            action.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for.

        Raises:
            CommandError: something is wrong with the input.
        """
        _prepare()
        user = _user(options["user"])
        match options["action"]:
            case "create":
                self._create(user, options)
            case "list":
                self._list(user, as_json=options["json"])
            case _:
                self._revoke(user, options["prefix"])

    def _create(self, user: User, options: dict[str, Any]) -> None:
        team = _team(user, options["team"])
        scopes = [part.strip() for part in options["scopes"].split(",")] if options["scopes"] else None
        days = options["days"]
        expires_at = None if days is None else timezone.now() + timedelta(days=days)
        try:
            token, secret = issue_token(user, team, options["name"], scopes=scopes, expires_at=expires_at)
        except SpecError as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        if options["json"]:
            self.stdout.write(json.dumps({**_row(token), "secret": secret}))
            return
        held = ", ".join(token.scopes)
        self.stdout.write(f"Token {token.name!r} of {user.email} in {team.slug} ({held}), shown only now:")
        self.stdout.write(secret)

    def _list(self, user: User, *, as_json: bool) -> None:
        rows = [_row(token) for token in user.api_tokens.select_related("team")]
        if as_json:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            self.stdout.write(f"{row['prefix']}…  {row['state']:<8}  {row['team']:<16}  {row['scopes']}  {row['name']}")

    def _revoke(self, user: User, prefix: str) -> None:
        found = list(user.api_tokens.filter(prefix=prefix.rstrip("….")))
        if len(found) != 1:
            message = f"{user.email} has {len(found)} tokens that begin with {prefix!r}; `token list` shows them."
            raise CommandError(message, returncode=BAD_INPUT)
        revoke_token(found[0])
        self.stdout.write(f"{found[0]} is refused from now on.")


def _row(token: ApiToken) -> dict[str, Any]:
    state = "revoked" if token.revoked_at else "active" if token.is_active else "expired"
    return {
        "prefix": token.prefix,
        "name": token.name,
        "team": token.team.slug,
        "scopes": ",".join(scope for scope in SCOPES if scope in token.scopes),
        "state": state,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
    }


def _prepare() -> None:
    """Make the tables where the platform was never started, so that a token can be made before that."""
    if User._meta.db_table not in connection.introspection.table_names():
        prepare_database()


def _user(email: str | None) -> User:
    if email is None:
        return seed_workspace()
    user = User.objects.filter(email__iexact=email.strip()).first()
    if user is None:
        raise CommandError(f"There is no account {email!r}.", returncode=BAD_INPUT)
    return user


def _team(user: User, slug: str | None) -> Team:
    team = teams_of(user).filter(slug=slug).first() if slug else first_team(user)
    if team is None or role_of(user, team) is None:
        known = ", ".join(teams_of(user).values_list("slug", flat=True))
        raise CommandError(f"{user.email} is in no team {slug or ''}. Teams: {known or 'none'}.", returncode=BAD_INPUT)
    return team
