"""Addresses of shared links: their management for members, and what opens by a link."""

from django.urls import path

from webapp.sharing import pages, views

urlpatterns = [
    path("experiments/<uuid:pk>/share", views.experiment_shares, name="experiment-shares"),
    path("shares/", views.share_list, name="share-list"),
    path("shares/<uuid:pk>/revoke", views.share_revoke, name="share-revoke"),
    path("shared/<str:secret>/", pages.shared_experiment, name="shared-experiment"),
    path("shared/<str:secret>/series", pages.shared_series, name="shared-series"),
    path("shared/<str:secret>/runs/<uuid:pk>/", pages.shared_run, name="shared-run"),
    path("shared/<str:secret>/runs/<uuid:pk>/events", pages.shared_events, name="shared-events"),
    path("shared/<str:secret>/runs/<uuid:pk>/rounds/<int:number>", pages.shared_round, name="shared-round"),
    path("shared/<str:secret>/runs/<uuid:pk>/images/<int:seq>", pages.shared_image, name="shared-image"),
    path("shared/<str:secret>/artifacts/<uuid:pk>", pages.shared_artifact, name="shared-artifact"),
]
