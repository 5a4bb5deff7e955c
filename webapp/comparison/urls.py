"""Addresses of comparisons."""

from django.urls import path

from webapp.comparison import views

urlpatterns = [
    path("compare", views.compare, name="compare"),
    path("compare/pick", views.pick, name="compare-pick"),
    path("compare/clients", views.client_maps, name="compare-clients"),
    path("compare/export", views.export, name="compare-export"),
]
