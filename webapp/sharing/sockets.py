"""Addresses of the live sockets of shared links."""

from django.urls import path

from webapp.sharing.consumers import SharedStream

websocket_urlpatterns = [path("ws/shared/<str:secret>/runs/<uuid:run_id>/", SharedStream.as_asgi())]
