"""Addresses of the help pages."""

from django.urls import path

from webapp.catalogue import views

urlpatterns = [
    path("catalogue/", views.catalogue, name="catalogue"),
    path("catalogue/devices/compute-time", views.prediction, name="prediction"),
    path("catalogue/<slug:family>/", views.family_detail, name="family-detail"),
    path("catalogue/<slug:family>/<slug:kind>/", views.kind_detail, name="kind-detail"),
]
