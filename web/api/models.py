"""Bases of the models that say what requests carry and answers show, and how what they refuse becomes faults.

`Body` takes every field by itself: whatever is wrong with some of them, the others are still checked by the domain,
so that all faults are told at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from flask import request
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from domain.errors import Fault, Invalid, NotFound
from domain.values import LARGEST_INTEGER, is_text
from web.api.fields import QueryDay, QueryText, QueryWhole, Total

# Codes of pydantic's errors; the types of our own errors are codes already, the rest is `invalid`.
CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "string_too_long": "too_long",
    "too_long": "too_long",
    "literal_error": "not_a_choice",
    "enum": "not_a_choice",
    "greater_than_equal": "negative",
    "less_than_equal": "too_large",
    "int_parsing_size": "too_large",
}
OWN_CODES = frozenset({"required", "not_a_choice", "negative", "too_large", "too_long"})


def faults_of(error: ValidationError, *, prefix: tuple[str, ...] = ()) -> Iterator[Fault]:
    """Turn what pydantic found wrong into faults, one per field."""
    seen: set[str] = set()
    for detail in error.errors(include_url=False):
        path = ".".join((*prefix, *(str(part) for part in detail["loc"] if not _is_branch(part))))
        if path not in seen:
            seen.add(path)
            yield _fault(path, detail)


def _is_branch(part: int | str) -> bool:
    """Tell whether a part of a location names a branch of a union, not a field."""
    return isinstance(part, str) and ("[" in part or "-" in part or part in ("str", "int", "bool"))


def _fault(path: str, detail: ErrorDetails) -> Fault:
    kind, context = detail["type"], dict(detail.get("ctx", {}))
    code = CODES.get(kind, kind if kind in OWN_CODES else "invalid")
    if code == "negative" and context.get("ge", 0) != 0:
        code = "invalid"
    params: dict[str, object] = {
        "limit": context.get("max_length") or context.get("limit") or context.get("le", "")
    }
    value = detail["input"] if isinstance(detail["input"], (str, int, float, Decimal, list)) else None
    return Fault(path, code, None if code in ("required", "unknown_field") else value, params)


class Shown(BaseModel):
    """What an answer shows. Fields without default are always there; others only when asked for."""

    model_config = ConfigDict(extra="forbid")


class Body(BaseModel):
    """What a request carries: only the fields that were given and can be taken, and the faults of the others."""

    model_config = ConfigDict(extra="forbid")

    # What answers show of the thing: fields of it that are not of the body are read only.
    shows: ClassVar[type[Shown] | None] = None

    _faults: list[Fault] = PrivateAttr(default_factory=list)

    @classmethod
    def model_validate(cls, obj: Any, **_options: Any) -> Self:
        """Take what can be taken of `obj`, field by field. Never raises `ValidationError`.

        Raises
        ------
        Invalid
            If `obj` is no object at all.
        """
        if not isinstance(obj, dict):
            raise Invalid([Fault("", "invalid", obj)])
        given: dict[str, Any] = {}
        faults: list[Fault] = []
        adapters = _adapters(cls)
        for name, value in obj.items():
            if name not in adapters:
                read_only = cls.shows is not None and name in cls.shows.model_fields
                faults.append(Fault(name, "read_only" if read_only else "unknown_field"))
                continue
            try:
                given[name] = adapters[name].validate_python(value)
            except ValidationError as error:
                faults.extend(faults_of(error, prefix=(name,)))
        body = cls.model_construct(_fields_set=set(given), **given)
        body._faults = faults
        return body

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **_options: Any) -> Self:
        """Refuse a body that is a text; the framework believes a text to be JSON once more."""
        return cls.model_validate(json_data)

    @property
    def faults(self) -> list[Fault]:
        """What cannot be taken."""
        return self._faults

    @property
    def named(self) -> set[str]:
        """The top-level fields that were given, whether they can be taken or not."""
        return self.model_fields_set | {fault.field.split(".")[0] for fault in self._faults}

    def refuse_faults(self) -> None:
        """Raise `Invalid` if anything given cannot be taken; for actions that the domain has no values to check."""
        if self._faults:
            raise Invalid(self._faults)

    def given(self) -> dict[str, Any]:
        """Return the fields that were given and can be taken; `None` clears a field."""
        return {name: _plain(getattr(self, name)) for name in sorted(self.model_fields_set)}


class Item(BaseModel):
    """An object inside a body."""

    model_config = ConfigDict(extra="forbid")


class NoFields(Body):
    """The body of an action that needs to be told nothing."""


def needs(*fields: str) -> ConfigDict:
    """Have the published schema say which fields are needed; what is missing, the domain finds."""

    def publish(schema: dict[str, Any]) -> None:
        schema.pop("required", None)
        if fields:
            schema["required"] = list(fields)

    return ConfigDict(json_schema_extra=publish)


class Problem(BaseModel):
    """RFC 9457 problem details: what is wrong with a request."""

    class Error(BaseModel):
        """One fault: a dotted path, a stable code, words in the reader's language."""

        field: str
        code: str
        message: str

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Error]


class Statistics(Shown):
    """Numbers over active entries (T5): on one thing, and in lists with `include=statistics`."""

    interactions_count: int = Field(default=0)
    cost_total: Total = Field(default=Decimal("0.00"))
    duration_total_min: int = Field(default=0)


class Path(BaseModel):
    """What the path of a request names. Whatever cannot be a key of anything is not found."""

    thing: ClassVar[str] = ""

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Take the variable parts of the path.

        Raises
        ------
        NotFound
            If a part cannot be a key.
        """
        for value in obj.values():
            if isinstance(value, str) and not is_text(value):
                raise NotFound(cls.thing, value)
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise NotFound(cls.thing, error.errors()[0]["input"]) from error


class Query(BaseModel):
    """What the query of a request may say. Other parameters are faults, and so is one that is given twice."""

    model_config = ConfigDict(extra="forbid")

    # Parameters that are no filters.
    others: ClassVar[frozenset[str]] = frozenset()

    def filters(self) -> dict[str, list[str]]:
        """Return the filters that were given, each as the list of its values."""
        return {
            name: value if isinstance(value, list) else [_as_filter(value)]
            for name in sorted(self.model_fields_set - self.others)
            if (value := getattr(self, name)) is not None
        }

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Take the parameters.

        Raises
        ------
        Invalid
            With the paths `query.NAME`.
        """
        faults = [
            Fault(f"query.{name}", "invalid", values)
            for name, values in request.args.lists()
            if len(values) > 1 and name in obj and not isinstance(obj[name], list)
        ]
        try:
            query = super().model_validate(obj, **options)
        except ValidationError as error:
            faults.extend(_single(fault) for fault in faults_of(error, prefix=("query",)))
        if faults:
            raise Invalid(faults)
        return query

    @classmethod
    @cache
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return the schema; made once, as it is looked at with every request."""
        return super().model_json_schema(*args, **options)


class ListQuery(Query):
    """Which page of a list. What a subclass adds are filters; each may be repeated, `none` means blank."""

    limit: QueryWhole = Field(default=50, ge=1, le=1000, description="Most items of a page")
    after: QueryText | None = Field(default=None, description="Where the page before ended, from its `next`")

    others: ClassVar[frozenset[str]] = frozenset({"limit", "after"})


class NumberedQuery(ListQuery):
    """Which page of a list that is ordered by number."""

    after: Annotated[QueryWhole, Field(le=LARGEST_INTEGER)] | None = Field(  # type: ignore[assignment]
        default=None, description="Where the page before ended"
    )


class StatisticsQuery(ListQuery):
    """A list whose items can carry statistics (T5)."""

    others: ClassVar[frozenset[str]] = frozenset({"limit", "after", "include", "date_from", "date_to"})

    include: Literal["statistics"] | None = Field(default=None, description="What items carry besides")
    date_from: QueryDay | None = Field(default=None, description="First date counted in statistics")
    date_to: QueryDay | None = Field(default=None, description="Last date counted in statistics")


class PeriodQuery(Query):
    """Which entries the statistics of one thing are over (T5)."""

    date_from: QueryDay | None = Field(default=None, description="First date counted in statistics")
    date_to: QueryDay | None = Field(default=None, description="Last date counted in statistics")


def _single(fault: Fault) -> Fault:
    """Name a repeated parameter by its name alone, without the place of the value."""
    return Fault(".".join(fault.field.split(".")[:2]), fault.code, fault.value, fault.params)


def _as_filter(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Item):
        return {name: _plain(getattr(value, name)) for name in value.model_fields_set}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


@cache
def _adapters(model: type[Body]) -> dict[str, TypeAdapter[Any]]:
    model.model_rebuild()
    return {name: TypeAdapter(_annotated(field)) for name, field in model.model_fields.items()}


def _annotated(field: Any) -> Any:
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
