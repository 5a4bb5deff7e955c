"""Address of the page about the simulator's errors."""

from django.urls import path

from webapp.simulator import views

urlpatterns = [path("simulator/", views.simulator, name="simulator")]
