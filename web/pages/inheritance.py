"""How a field says what it inherits, or that its value is its own (S2)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import gettext
from markupsafe import Markup

from web.forms.fields import InheritedChoiceField, InheritedFlagField
from web.pages import layout

DASH = "–"


def tell(field: Any, *, own: Any, applies: Any, source: Any) -> None:
    """Give a field its hint: what applies and where that comes from, or that it has a value of its own.

    Parameters
    ----------
    own
        The stored value, `None` if it inherits.
    applies
        The effective value.
    source
        Where an inherited value comes from, such as "From template".
    """
    if own is not None:
        field.is_own = True
        field.inherited = Markup('<span class="own">{}</span>').format(
            gettext("Own value (left empty: inherited)")
        )
        return
    if isinstance(field, InheritedChoiceField | InheritedFlagField):
        field.blank = f"{source}: {shown(field, applies)}"
    else:
        field.inherited = Markup("{}: <b>{}</b>").format(source, shown(field, applies))


def shown(field: Any, value: Any) -> str:
    """Write an effective value as the field's reader would."""
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return str(gettext("Yes") if value else gettext("No"))
    if isinstance(value, Decimal):
        return layout.amount(value)
    if isinstance(value, date):
        return layout.day(value)
    if isinstance(value, int):
        return layout.number(value)
    words = getattr(field, "words", {})
    return str(words.get(value, value))
