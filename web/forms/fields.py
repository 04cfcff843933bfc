"""Fields that give Python values of the kind the domain takes; blank is `None`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Any

from babel.numbers import NumberFormatError, parse_decimal
from flask_babel import format_decimal, get_locale
from flask_babel import lazy_gettext as _
from markupsafe import Markup
from wtforms import BooleanField, Field, FieldList, Form, FormField
from wtforms.widgets import DateInput, TextArea, TextInput, TimeInput, html_params

from domain.errors import Fault

MAX_AMOUNT = Decimal("9999999999.99")
MAX_MINUTES = 1_000_000

# What a form sends for "blank on purpose"; no code has such a shape.
BLANK = "(blank)"
SPACES = re.compile(r"[\s\u00a0\u202f]+")


class ValueField(Field):
    """A field whose text is read into `data`; what cannot be read stays as typed and becomes a fault."""

    widget: Any = TextInput()

    def __init__(self, label: Any = None, *, hint: Any = None, wide: bool = False, **arguments: Any) -> None:
        super().__init__(label, **arguments)
        self.hint = hint
        self.wide = wide
        self.fault: Fault | None = None
        self.typed: str | None = None
        self.inherited: Any = None
        self.is_own = False

    def read(self, text: str) -> Any:
        """Read `text`, never blank; raise `Unreadable` if it cannot be."""
        return text

    def shown(self, value: Any) -> str:
        """Write a stored value as it is typed."""
        return str(value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        if not valuelist:
            return
        self.typed = str(valuelist[0])
        text = self.typed.strip()
        self.data = None
        if text:
            try:
                if "\x00" in text:
                    raise Unreadable("invalid")
                self.data = self.read(text)
            except Unreadable as unreadable:
                self.fault = Fault(self.short_name, unreadable.code, text, unreadable.params)

    def _value(self) -> str:
        if self.typed is not None:
            return self.typed
        return "" if self.data is None else self.shown(self.data)


class Unreadable(Exception):
    """The text cannot be read as a value of its field."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class TextField(ValueField):
    """A line of text (or several, with `rows`) of at most `limit` characters."""

    def __init__(self, label: Any = None, *, limit: int = 100, rows: int = 0, **arguments: Any) -> None:
        super().__init__(label, **arguments)
        self.limit = limit
        if rows:
            self.widget = TextArea()
            self.render_kw = {**(self.render_kw or {}), "rows": rows}

    def read(self, text: str) -> str:
        if len(text) > self.limit:
            raise Unreadable("too_long", limit=self.limit)
        return text


class CodeField(TextField):
    """A code of another record; what `lookup` names (`web/pages/lookup.py`) is offered, any code can be typed."""

    def __init__(self, label: Any = None, *, lookup: str | None = None, **arguments: Any) -> None:
        super().__init__(label, **{"limit": 20, **arguments})
        self.lookup = lookup


class WholeField(ValueField):
    """A whole number from `minimum` to `maximum`."""

    numeric = True

    def __init__(
        self, label: Any = None, *, minimum: int = 0, maximum: int = 2_000_000_000, **arguments: Any
    ) -> None:
        super().__init__(label, **arguments)
        self.minimum, self.maximum = minimum, maximum
        self.render_kw = {**(self.render_kw or {}), "inputmode": "numeric"}

    def read(self, text: str) -> int:
        try:
            value = int(SPACES.sub("", text))
        except ValueError:
            raise Unreadable("invalid") from None
        if value < 0:
            raise Unreadable("negative")
        if value < self.minimum:
            raise Unreadable("invalid")
        if value > self.maximum:
            raise Unreadable("too_large", limit=self.maximum)
        return value


class MinutesField(WholeField):
    """A duration in whole minutes."""

    def __init__(self, label: Any = None, **arguments: Any) -> None:
        super().__init__(label, **{"maximum": MAX_MINUTES, **arguments})


class AmountField(ValueField):
    """An amount of money with at most two decimals, typed with the reader's decimal sign or a point."""

    numeric = True

    def __init__(self, label: Any = None, **arguments: Any) -> None:
        super().__init__(label, **arguments)
        self.render_kw = {**(self.render_kw or {}), "inputmode": "decimal"}

    def read(self, text: str) -> Decimal:
        value = read_decimal(text)
        if value < 0:
            raise Unreadable("negative")
        if value > MAX_AMOUNT:
            raise Unreadable("too_large", limit=MAX_AMOUNT)
        if value != round(value, 2):
            raise Unreadable("invalid")
        return value.quantize(Decimal("0.01"))

    def shown(self, value: Any) -> str:
        return str(format_decimal(value, format="0.00"))


def read_decimal(text: str) -> Decimal:
    """Read a decimal number written in the reader's language or with a plain point."""
    plain = SPACES.sub("", text)
    if re.fullmatch(r"[+-]?\d{1,30}([.,]\d{1,30})?", plain) and not (
        "," in plain and str(get_locale()) == "en"
    ):
        return Decimal(plain.replace(",", "."))
    try:
        value = parse_decimal(plain, locale=get_locale(), strict=True)
    except (NumberFormatError, InvalidOperation):
        raise Unreadable("invalid") from None
    if not value.is_finite():
        raise Unreadable("invalid")
    return value


class DayField(ValueField):
    """A date, typed into the browser's own date control."""

    widget = DateInput()

    def read(self, text: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise Unreadable("invalid") from None

    def shown(self, value: Any) -> str:
        return value.isoformat() if isinstance(value, date) else str(value)


class TimeField(ValueField):
    """A time of day, typed into the browser's own time control."""

    widget = TimeInput()

    def read(self, text: str) -> time:
        try:
            return time.fromisoformat(text)
        except ValueError:
            raise Unreadable("invalid") from None

    def shown(self, value: Any) -> str:
        return value.isoformat("minutes") if isinstance(value, time) else str(value)


class ChoiceWidget:
    """A drop-down list of the options of a `ChoiceField`."""

    def __call__(self, field: ChoiceField, **attributes: Any) -> Markup:
        options = Markup("").join(
            Markup("<option {}>{}</option>").format(
                Markup(html_params(value=value, selected=is_chosen)), word
            )
            for value, word, is_chosen in field.options()
        )
        attributes.setdefault("id", field.id)
        return Markup("<select {}>{}</select>").format(
            Markup(html_params(name=field.name, **attributes)), options
        )


class ChoiceField(ValueField):
    """One of `words` or, with `blank`, none of them; `blank` is the text shown for none."""

    widget = ChoiceWidget()

    def __init__(
        self, label: Any = None, *, words: Mapping[str, Any], blank: Any = None, **arguments: Any
    ) -> None:
        super().__init__(label, **arguments)
        self.words = words
        self.blank = blank

    def read(self, text: str) -> str:
        if text not in self.words:
            raise Unreadable("not_a_choice", choices=", ".join(self.words))
        return text

    def options(self) -> Iterable[tuple[str, Any, bool]]:
        """Give what can be chosen: value, word, whether it is chosen."""
        chosen = self._value()
        if self.blank is not None:
            yield "", self.blank, not chosen
        for value, word in self.words.items():
            yield value, word, value == chosen


class InheritedChoiceField(ChoiceField):
    """A choice that can be inherited (`None`), blank on purpose (`""`), or one of `words`."""

    def __init__(
        self, label: Any = None, *, words: Mapping[str, Any], can_blank: bool = True, **arguments: Any
    ) -> None:
        more = {BLANK: _("Blank on purpose")} if can_blank else {}
        super().__init__(label, words={**more, **words}, blank=_("Inherited"), **arguments)
        self.can_blank = can_blank

    def read(self, text: str) -> str:
        return "" if super().read(text) == BLANK else text

    def shown(self, value: Any) -> str:
        return BLANK if value == "" else str(value)


class InheritedFlagField(ChoiceField):
    """Inherited (`None`), yes or no."""

    def __init__(self, label: Any = None, **arguments: Any) -> None:
        super().__init__(label, words={"yes": _("Yes"), "no": _("No")}, blank=_("Inherited"), **arguments)

    def read(self, text: str) -> Any:
        return super().read(text) == "yes"

    def shown(self, value: Any) -> str:
        return "yes" if value else "no"


class InheritedCodeField(CodeField):
    """A code that can be inherited (nothing typed), blank on purpose (the box is ticked), or its own."""

    can_blank = True

    @property
    def is_blank(self) -> bool:
        """Whether the box "blank on purpose" is ticked."""
        return self.data == "" and self.fault is None

    def process_formdata(self, valuelist: list[Any]) -> None:
        if BLANK in valuelist:
            self.typed, self.data = "", ""
        else:
            super().process_formdata(valuelist)


class NamesWidget:
    """A list of check boxes."""

    def __call__(self, field: NamesField, **attributes: Any) -> Markup:
        attributes.pop("class", None)
        boxes = Markup("").join(
            Markup('<label class="form-check"><input {}> {}</label>').format(
                Markup(
                    html_params(
                        type="checkbox", name=field.name, value=value, checked=value in (field.data or ()),
                        class_="form-check-input", aria_label=str(word),
                    )
                ),
                word,
            )
            for value, word in field.words.items()
        )  # fmt: skip
        return Markup('<div class="check-list" {}>{}</div>').format(
            Markup(html_params(id=field.id, role="group", **attributes)), boxes
        )


class NamesField(ValueField):
    """Some of `words`, each a check box."""

    widget = NamesWidget()

    def __init__(self, label: Any = None, *, words: Mapping[str, Any], **arguments: Any) -> None:
        super().__init__(label, wide=True, **arguments)
        self.words = words

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = [value for value in valuelist if value in self.words]


class FlagField(BooleanField):
    """Yes or no, as a check box."""

    def __init__(self, label: Any = None, *, hint: Any = None, wide: bool = False, **arguments: Any) -> None:
        super().__init__(label, **arguments)
        self.hint = hint
        self.wide = wide
        self.fault: Fault | None = None
        self.inherited: Any = None


class CodesField(TextField):
    """Free codes in one line, separated by commas; gives a list."""

    def __init__(self, label: Any = None, **arguments: Any) -> None:
        super().__init__(label, **{"limit": 2000, **arguments})

    def process_formdata(self, valuelist: list[Any]) -> None:
        super().process_formdata(valuelist)
        if valuelist and self.data is None and self.fault is None:
            self.data = []

    def read(self, text: str) -> Any:
        codes = list(dict.fromkeys(code.strip() for code in re.split(r"[,;|\n]", super().read(text))))
        return [code for code in codes if code]

    def shown(self, value: Any) -> str:
        return ", ".join(value)


class RowsField(FieldList):  # type: ignore[type-arg]  # generic in the stubs alone
    """Rows of a small form of their own; rows left blank do not count, and blank ones are ready to be filled.

    Parameters
    ----------
    row
        The form of one row.
    names
        The fields that make a row count when one of them is filled.
    spare
        How many blank rows are shown after the filled ones.
    """

    def __init__(
        self,
        row: type[Form],
        label: Any = None,
        *,
        names: tuple[str, ...],
        spare: int = 2,
        hint: Any = None,
        **arguments: Any,
    ) -> None:
        super().__init__(FormField(row), label, **arguments)
        self.row = row
        self.names = names
        self.spare = spare
        self.hint = hint
        self.wide = True
        self.fault: Fault | None = None
        self.kept: list[int] = []

    def values(self) -> list[dict[str, Any]]:
        """Return the rows that count; `kept` then tells which row each of them was."""
        rows = [entry.form.data for entry in self.entries]
        self.kept = [at for at, row in enumerate(rows) if any(row.get(name) for name in self.names)]
        return [{name: rows[at][name] for name in self.names} for at in self.kept]

    def add_spare_rows(self) -> None:
        """Have `spare` blank rows at the end."""
        blank = 0
        for entry in reversed(self.entries):
            if any(entry.form.data.get(name) for name in self.names):
                break
            blank += 1
        for _row in range(self.spare - blank):
            self.append_entry()
