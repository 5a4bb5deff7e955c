"""The form of a shared link."""

from typing import ClassVar

from django import forms

from webapp.sharing.models import Scope
from webapp.sharing.services import MAX_NAME


class ShareForm(forms.Form):
    """A new link."""

    scope = forms.ChoiceField(
        label="What it shows",
        choices=Scope.choices,
        initial=Scope.SUMMARY,
        help_text="Nothing else of the team can be reached by it, and nothing can be changed.",
    )
    days = forms.ChoiceField(
        label="Expires",
        required=False,
        initial="30",
        choices=[("1", "In a day"), ("7", "In 7 days"), ("30", "In 30 days"), ("", "Never")],
        help_text="You can end it at any time before.",
    )
    name = forms.CharField(
        label="For whom",
        required=False,
        max_length=MAX_NAME,
        help_text="Only your team sees this; it tells links apart.",
    )

    error_css_class: ClassVar[str] = "problem"
