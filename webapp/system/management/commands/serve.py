"""``manage.py serve``: the web server alone, as a container or a service manager runs it."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from webapp.system import preparation
from webapp.system.address import Address, refuse_unsafe
from webapp.system.errors import StartError
from webapp.system.roles import web_command


class Command(BaseCommand):
    """Prepares database and static files, then becomes the web server at EDGELOOM_HOST and EDGELOOM_PORT."""

    help = "Run the web server only; broker, database and workers are run by somebody else."
    requires_system_checks: list[str] = []  # the web server runs them

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, then replace this process."""
        address = Address(settings.EDGELOOM_HOST, settings.EDGELOOM_PORT)
        try:
            refuse_unsafe(address)
            preparation.check_broker(settings.REDIS_URL)
            preparation.prepare_database()
            preparation.prepare_statics(os.environ)
        except StartError as error:
            raise CommandError(str(error)) from error
        link = preparation.sign_in_link(address.public_url(settings.EDGELOOM_ORIGINS))
        self.stdout.write(f"Sign in once with this link:  {link}")
        self.stdout.flush()
        command = web_command(address)
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
