"""Addresses of the live sockets."""

from django.urls import path

from webapp.experiments.consumers import RunStream

websocket_urlpatterns = [path("ws/runs/<uuid:run_id>/", RunStream.as_asgi())]
