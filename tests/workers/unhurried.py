"""The platform's ASGI application whose sockets seldom look into the database: what comes sooner, a message brought."""

from webapp.asgi import application as application  # noqa: PLC0414 - the server looks for it here
from webapp.experiments import consumers

TICK_S = 15.0

consumers.TICK_S = TICK_S
