"""Addresses of home, experiments and runs."""

from django.urls import path

from webapp.experiments import run_views, views
from webapp.inference import planner_views

urlpatterns = [
    path("", views.home, name="home"),
    path("experiments/", views.experiment_list, name="experiment-list"),
    path("experiments/new", views.experiment_create, name="experiment-create"),
    path("experiments/estimate", views.experiment_estimate, name="experiment-estimate"),
    path("experiments/preview", views.experiment_preview, name="experiment-preview"),
    path("experiments/plan", planner_views.experiment_plan, name="experiment-plan"),
    path("experiments/plan/winners", planner_views.experiment_winners, name="experiment-winners"),
    path("experiments/<uuid:pk>/", views.experiment_detail, name="experiment-detail"),
    path("experiments/<uuid:pk>/series", views.experiment_series, name="experiment-series"),
    path("experiments/<uuid:pk>/ledgers", views.experiment_ledgers, name="experiment-ledgers"),
    path("experiments/<uuid:pk>/launch", views.experiment_launch, name="experiment-launch"),
    path("experiments/<uuid:pk>/delete", views.experiment_delete, name="experiment-delete"),
    path("runs/", run_views.run_list, name="run-list"),
    path("runs/<uuid:pk>/", run_views.run_detail, name="run-detail"),
    path("runs/<uuid:pk>/cancel", run_views.run_cancel, name="run-cancel"),
    path("runs/<uuid:pk>/pause", run_views.run_pause, name="run-pause"),
    path("runs/<uuid:pk>/resume", run_views.run_resume, name="run-resume"),
    path("runs/<uuid:pk>/images/<int:seq>", run_views.run_image, name="run-image"),
    path("artifacts/<uuid:pk>", run_views.artifact_download, name="artifact-download"),
]
