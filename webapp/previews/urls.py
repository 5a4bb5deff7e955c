"""Addresses of previews."""

from django.urls import path

from webapp.previews import views

urlpatterns = [
    path("previews/task", views.task_preview, name="task-preview"),
    path("previews/<str:digest>/", views.preview_fragment, name="preview-fragment"),
    path("previews/<str:digest>/<int:number>.png", views.preview_picture, name="preview-picture"),
]
