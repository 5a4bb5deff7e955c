"""Addresses of data sets."""

from django.urls import path

from webapp.datasets import views

urlpatterns = [
    path("datasets/", views.dataset_list, name="dataset-list"),
    path("datasets/new", views.dataset_create, name="dataset-create"),
    path("datasets/built-in/<slug:kind>/", views.builtin_detail, name="builtin-detail"),
    path("datasets/<uuid:pk>/", views.dataset_detail, name="dataset-detail"),
    path("datasets/<uuid:pk>/edit", views.dataset_update, name="dataset-update"),
    path("datasets/<uuid:pk>/complete", views.dataset_complete, name="dataset-complete"),
    path("datasets/<uuid:pk>/delete", views.dataset_delete, name="dataset-delete"),
]
