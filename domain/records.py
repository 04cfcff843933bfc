"""What all nouns do alike with their rows: find by key, page, refer to another noun, delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    bindparam,
    column,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from domain.database import Base
from domain.errors import Fault, Faults, InUse, NotFound
from domain.values import is_text, shown

T = TypeVar("T", bound=Base)
Key = InstrumentedAttribute[str]

BLANK = "none"

# Beyond every integer key: where a list that goes backwards begins.
LAST = 2_147_483_647

# How a noun's list can be sorted: by its key, or in the order in which its rows were made; "-" turns it round.
SORTS = ("key", "-key", "made", "-made")

# Held shared while a batch of document events is recorded, exclusively by whoever deletes what entries refer to: the
# log has no foreign keys. Taken before any row lock.
RECORDING = "hashtextextended('interlog recording', 0)"

# The condition of segment_line_overridden_idx, word for word, so that the planner can use it.
OVERRIDDEN = (
    "num_nonnulls(template_id, salesperson_id, campaign_id, date, duration_min, campaign_target, "
    "campaign_response, cost, description, subject, correspondence_type, language_code, information_flow, "
    "initiated_by, evaluation) > 0"
)


def find(
    session: Session, model: type[T], key_column: Key, key: object, *, thing: str, lock: bool = False
) -> T:
    """Find a row by its code, number or name, ignoring case.

    Parameters
    ----------
    thing
        Name of the noun for the error.
    lock
        Keep others from changing the row until the transaction ends; referring to it stays possible.

    Raises
    ------
    NotFound
        If there is none.
    """
    if not is_text(key):
        raise NotFound(thing, shown(key))
    query = select(model).where(func.lower(key_column) == func.lower(key))
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound(thing, shown(key))
    return found


def lock(session: Session, row: T, *, thing: str, key: str, against_references: bool = False) -> None:
    """Lock a row that was read before and bring it up to date.

    Parameters
    ----------
    against_references
        Also keep others from referring to it, as a deleter must.

    Raises
    ------
    NotFound
        If somebody deleted it meanwhile.
    """
    session.flush()
    identity = row.__mapper__.primary_key_from_instance(row)
    found = session.get(
        type(row),
        tuple(identity),
        populate_existing=True,
        with_for_update={"key_share": not against_references},
    )
    if found is None:
        raise NotFound(thing, key)


def page(
    session: Session,
    model: type[T],
    key_column: Key,
    *,
    conditions: Iterable[ColumnElement[bool]],
    after: str | None,
    limit: int,
    sort: str = "key",
) -> list[T]:
    """Read a key-set page of a noun.

    Parameters
    ----------
    after
        Key of the last row of the page before, or its id where the order is that of making; what is none gives nothing.
    sort
        One of `SORTS`. Keys ignore case; the unique index on lower(key) or the primary key serves each of them.
    """
    query, newest_first = select(model).where(*conditions), sort.startswith("-")
    if after is not None and not is_text(after):
        return []
    if sort.endswith("key"):
        start = None if after is None else func.lower(after)
        ordered = in_order(query, func.lower(key_column), after=start, limit=limit, newest_first=newest_first)
    else:
        if after is not None and not (after.isascii() and after.isdecimal() and len(after) < 19):
            return []
        made: Any = model.__table__.c.id
        ordered = in_order(
            query, made, after=None if after is None else int(after), limit=limit, newest_first=newest_first
        )
    return list(session.scalars(ordered))


def in_order(
    query: Select[T],
    column: ColumnElement[Any] | InstrumentedAttribute[int],
    *,
    after: Any,
    limit: int,
    newest_first: bool,
) -> Select[T]:
    """Take the page of a query that begins beyond `after` in the order of a column, whose unique index serves it."""
    if after is not None:
        query = query.where(column < after if newest_first else column > after)
    return query.order_by(column.desc() if newest_first else column).limit(limit)


def exists_key(session: Session, key_column: Key, key: str) -> bool:
    """Tell whether a row with this key, ignoring case, exists."""
    return bool(session.scalar(select(exists().where(func.lower(key_column) == func.lower(key)))))


def key_stays(values: Mapping[str, Any], field: str, current: str, faults: Faults) -> dict[str, Any]:
    """Take the key out of changed values; note fault `read_only` if it is another one, case aside."""
    rest = dict(values)
    if field in rest:
        given = rest.pop(field)
        if not isinstance(given, str) or given.lower() != current.lower():
            faults.add(field, "read_only", shown(given))
    return rest


def assign(row: Base, columns: Mapping[str, Any]) -> None:
    """Set columns of a row."""
    for name, value in columns.items():
        setattr(row, name, value)


def refer(
    session: Session, model: type[T], key_column: Key, code: str | None, *, field: str, faults: Faults
) -> T | None:
    """Find what `code` refers to and keep it from being deleted; note fault `unknown` if there is none."""
    if code is None:
        return None
    found = session.scalars(
        select(model)
        .where(func.lower(key_column) == func.lower(code))
        .with_for_update(read=True, key_share=True)
    ).one_or_none()
    if found is None:
        faults.add(field, "unknown", code)
    return found


def ids_of(
    session: Session, id_column: InstrumentedAttribute[int], key_column: Key, codes: Iterable[str]
) -> dict[str, int]:
    """Map each given code, as given, to the id of its row, ignoring case; unknown ones are left out."""
    wanted = [code for code in set(codes) if is_text(code)]
    if not wanted:
        return {}
    given = (
        func.unnest(bindparam("codes", wanted, ARRAY(Text)))
        .table_valued(column("given", Text))
        .render_derived()
    )
    rows = session.execute(
        select(given.c.given, id_column).where(func.lower(key_column) == func.lower(given.c.given))
    )
    return dict(rows.all())


def keys_of(
    session: Session, id_column: InstrumentedAttribute[int], key_column: Key, ids: Iterable[int | None]
) -> dict[int | None, str]:
    """Map each id to the code of its row, in one query."""
    wanted = {id for id in ids if id is not None}
    if not wanted:
        return {}
    rows = session.execute(select(id_column, key_column).where(id_column == func.any(sorted(wanted))))
    return dict(rows.all())


def filter_by_code(
    session: Session,
    reference: InstrumentedAttribute[Any],
    id_column: InstrumentedAttribute[int],
    key_column: Key,
    codes: Sequence[str],
) -> ColumnElement[bool]:
    """Make the condition "refers to one of these codes"; `none` is blank, unknown codes match nothing."""
    ids = ids_of(session, id_column, key_column, [code for code in codes if code != BLANK])
    condition: ColumnElement[bool] = reference.in_(ids.values()) if ids else false()
    return or_(condition, reference.is_(None)) if BLANK in codes else condition


def filter_by_flag(flag: InstrumentedAttribute[bool], given: Sequence[str]) -> ColumnElement[bool]:
    """Make the condition of a yes/no filter given as `true` or `false`."""
    return flag.in_([value == "true" for value in given if value in ("true", "false")])


def pattern(value: str) -> str:
    """Return what ILIKE takes to mean "contains `value`", whatever characters it has."""
    escaped = value.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


def contains(columns: Sequence[InstrumentedAttribute[str]], texts: Sequence[str]) -> ColumnElement[bool]:
    """Make the condition "one of the columns contains one of the texts", ignoring case."""
    return or_(
        false(),
        *(column.icontains(text, autoescape=True) for text in texts if is_text(text) for column in columns),
    )


def remove(
    session: Session,
    row: Base,
    *,
    thing: str,
    key_field: str,
    key: str,
    references: Mapping[str, str],
    parameters: Mapping[str, Any],
    belongings: Sequence[Any] = (),
) -> None:
    """Delete a row that nothing refers to.

    Parameters
    ----------
    references
        For each kind of thing that may refer to the row, an SQL query that yields a row if one does; asked
        in order, so the ones that an index answers come first.
    parameters
        Bound in those queries.
    belongings
        Statements that take away the rows that go with it.

    Raises
    ------
    InUse
        Naming the first kind of thing that refers to it (T1, T3, C1).
    NotFound
        If somebody deleted it meanwhile.
    """
    session.execute(text(f"SELECT pg_advisory_xact_lock({RECORDING})"))
    lock(session, row, thing=thing, key=key, against_references=True)
    for used_by, query in references.items():
        if session.execute(text(f"SELECT EXISTS ({query})"), parameters).scalar():
            raise in_use(key_field, key, used_by)
    try:
        with session.begin_nested():
            for statement in belongings:
                session.execute(statement)
            table = type(row).__table__
            session.execute(
                delete(type(row))
                .where(
                    *(
                        key_part == value
                        for key_part, value in zip(
                            table.primary_key, row.__mapper__.primary_key_from_instance(row), strict=True
                        )
                    )
                )
                .execution_options(synchronize_session=False)
            )
    except IntegrityError as error:
        table_name = getattr(getattr(error.orig, "diag", None), "table_name", None)
        raise in_use(key_field, key, str(table_name)) from error
    session.expunge(row)


def in_use(key_field: str, key: str, used_by: str) -> InUse:
    """Make the refusal that names what refers to the thing."""
    return InUse([Fault(key_field, "in_use", key, {"used_by": used_by})])
