"""Addresses of notes."""

from django.urls import path

from webapp.notes import views

urlpatterns = [
    path("runs/<uuid:pk>/notes", views.note_create, name="note-create"),
    path("notes/<uuid:pk>/edit", views.note_update, name="note-update"),
    path("notes/<uuid:pk>/delete", views.note_delete, name="note-delete"),
]
