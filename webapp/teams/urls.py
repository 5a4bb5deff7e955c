"""Addresses of accounts."""

from django.urls import path

from webapp.teams import team_views, views

urlpatterns = [
    path("sign-in/<str:token>/", views.sign_in, name="sign-in"),
    path("account/team/", views.team_choose, name="team-choose"),
    path("account/tokens/", views.token_list, name="token-list"),
    path("account/tokens/<uuid:pk>/revoke", views.token_revoke, name="token-revoke"),
    path("team/", team_views.team_detail, name="team-detail"),
    path("team/new", team_views.team_create, name="team-create"),
    path("team/rename", team_views.team_rename, name="team-rename"),
    path("team/members/<int:pk>/role", team_views.member_role, name="member-role"),
    path("team/members/<int:pk>/remove", team_views.member_remove, name="member-remove"),
    path("team/invitations/", team_views.invitation_list, name="invitation-list"),
    path("team/invitations/<uuid:pk>/revoke", team_views.invitation_revoke, name="invitation-revoke"),
    path("team/trail/", team_views.trail_list, name="trail-list"),
    path("join/<str:secret>/", team_views.join, name="join"),
]
