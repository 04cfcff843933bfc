"""How the domain says no.

A `Fault` is one thing wrong with one field. A `Refusal` is raised; its `code` is stable and part of the
HTTP contract. Words for people are made in `web.messages`, in the reader's language.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import ClassVar


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault of one field.

    Parameters
    ----------
    field
        Dotted path of the field, as the caller named it (`languages.0.language_code`).
    code
        One of the fault codes of API.md (`required`, `unknown`, `too_long`, …).
    value
        What was given, if it can be shown.
    params
        What the message needs besides: `limit`, `choices`, `number`, ….
    """

    field: str
    code: str
    value: object = None
    params: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        shown = "" if self.value is None else f" ({self.value!r})"
        return f"{self.field}: {self.code}{shown}"


class Refusal(Exception):
    """The request is understood and not carried out; nothing has changed."""

    code: ClassVar[str] = "refused"

    def __init__(self, faults: Iterable[Fault] = (), **params: object) -> None:
        self.faults = list(faults)
        self.params = params
        super().__init__(self.code, *map(str, self.faults))


class Invalid(Refusal):
    """Values that cannot be taken, all of them at once."""

    code = "invalid"


class NotFound(Refusal):
    """The addressed thing does not exist."""

    code = "not_found"

    def __init__(self, thing: str, key: object) -> None:
        self.thing, self.key = thing, key
        super().__init__(thing=thing, key=key)


class Forbidden(Refusal):
    """The user's role does not allow it (U1)."""

    code = "forbidden"


class Conflict(Refusal):
    """A right request in the wrong state; subclasses beside the functions that raise them carry the code."""

    code = "conflict"


class InUse(Conflict):
    """Something refers to the thing, so it stays (T1, T3, C1)."""

    code = "in_use"


class Faults:
    """Collects faults so that all of them are told at once."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def __bool__(self) -> bool:
        return bool(self._faults)

    def add(self, field: str, code: str, value: object = None, **params: object) -> None:
        """Note one fault of `field`."""
        self._faults.append(Fault(field, code, value, params))

    def extend(self, faults: Iterable[Fault]) -> None:
        """Note faults found elsewhere."""
        self._faults.extend(faults)

    def fields(self) -> set[str]:
        """Name the fields that have faults."""
        return {fault.field for fault in self._faults}

    @property
    def noted(self) -> list[Fault]:
        """Everything noted so far."""
        return list(self._faults)

    def raise_if_any(self) -> None:
        """Raise `Invalid` with everything noted so far, if anything was."""
        if self._faults:
            raise Invalid(self._faults)
