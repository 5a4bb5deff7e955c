"""Addresses of the probes and of the System page."""

from django.urls import path

from webapp.system import views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("system/", views.system, name="system"),
]
