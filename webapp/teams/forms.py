"""Forms of accounts, where no engine schema says what to ask."""

from typing import ClassVar

from django import forms

from webapp.teams.models import ApiToken, Scope


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
