"""Addresses of pages about the cost of a run."""

from django.urls import path

from webapp.recosting import views

urlpatterns = [
    path("runs/<uuid:pk>/costs", views.run_costs, name="run-costs"),
    path("runs/<uuid:pk>/what-if", views.run_what_if, name="run-what-if"),
]
