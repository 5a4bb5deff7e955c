"""Forms of accounts, where no engine schema says what to ask."""

from typing import ClassVar

from django import forms

from webapp.teams.invitations import MOST_USES
from webapp.teams.members import MAX_NAME
from webapp.teams.models import ApiToken, Role, Scope


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(
        max_length=ApiToken._meta.get_field("name").max_length, help_text="What it is for: a script, a machine."
    )
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        initial=[Scope.READ, Scope.RUN, Scope.WRITE],
        widget=forms.CheckboxSelectMultiple,
        help_text="Your role in the team limits it further.",
    )
    days = forms.ChoiceField(
        label="Expires",
        required=False,
        initial="90",
        choices=[("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"), ("", "Never")],
        help_text="A script that still needs it then gets a 401 with the reason.",
    )

    error_css_class: ClassVar[str] = "problem"


class TeamForm(forms.Form):
    """A new team."""

    name = forms.CharField(max_length=MAX_NAME, help_text="What people call it; you can change it later.")

    error_css_class: ClassVar[str] = "problem"


class InvitationForm(forms.Form):
    """A new invitation."""

    role = forms.ChoiceField(
        choices=Role.choices,
        initial=Role.RUNNER,
        help_text="Viewers look, runners also launch, editors also change and share, owners also manage people.",
    )
    max_uses = forms.IntegerField(
        label="People who can join by it",
        min_value=1,
        max_value=MOST_USES,
        initial=1,
        help_text=f"1 to {MOST_USES}; 1 makes a link for one person.",
    )
    days = forms.ChoiceField(
        label="Expires",
        initial="7",
        choices=[("1", "In a day"), ("7", "In 7 days"), ("30", "In 30 days")],
        help_text="You can end it at any time before.",
    )

    error_css_class: ClassVar[str] = "problem"


class SignUpForm(forms.Form):
    """A new account, for who joins by an invitation."""

    email = forms.EmailField(label="Email address", widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    password = forms.CharField(
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 10 characters, nothing common.",
    )

    error_css_class: ClassVar[str] = "problem"
