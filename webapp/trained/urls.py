"""Addresses of trained models."""

from django.urls import path

from webapp.trained import views

urlpatterns = [
    path("models/", views.model_list, name="model-list"),
    path("models/new", views.model_create, name="model-create"),
    path("models/<uuid:pk>/", views.model_detail, name="model-detail"),
    path("models/<uuid:pk>/file", views.model_download, name="model-download"),
    path("models/<uuid:pk>/delete", views.model_delete, name="model-delete"),
]
