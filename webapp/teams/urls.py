"""Addresses of accounts."""

from django.urls import path

from webapp.teams import views

urlpatterns = [
    path("sign-in/<str:token>/", views.sign_in, name="sign-in"),
    path("account/team/", views.team_choose, name="team-choose"),
    path("account/tokens/", views.token_list, name="token-list"),
    path("account/tokens/<uuid:pk>/revoke", views.token_revoke, name="token-revoke"),
]
