"""Addresses of the trash."""

from django.urls import path

from webapp.trash import views

urlpatterns = [
    path("trash/", views.trash, name="trash"),
    path("trash/<uuid:pk>/restore", views.trash_restore, name="trash-restore"),
    path("trash/<uuid:pk>/delete", views.trash_delete, name="trash-delete"),
]
