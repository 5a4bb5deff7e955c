"""The ASGI application: Django for HTTP, Channels for the live sockets."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
http_application = get_asgi_application()  # before the imports below: they need the apps to be loaded

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from webapp.experiments import sockets as members  # noqa: E402
from webapp.logs.requests import SocketIds  # noqa: E402
from webapp.sharing import sockets as guests  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": http_application,
        # The consumers themselves check where a connection comes from, because a refusal before the handshake reaches a
        # browser as a bare 403 without a reason.
        "websocket": SocketIds(
            AuthMiddlewareStack(URLRouter([*members.websocket_urlpatterns, *guests.websocket_urlpatterns]))
        ),
    }
)
