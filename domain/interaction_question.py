"""What a search asks of the log, in SQL: of the row of an entry, of what it refers to, and of its place in the list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import interaction_filters, records
from domain.interaction_filters import Filters

# What an entry's row says itself, without its segment, template or campaign.
STORED = ("salesperson_code", "user", "campaign_entry_no", "evaluation", "date_from", "date_to")
# What the sums know of every entry, beside its date.
SUMMED = ("template_code", "group_code", "salesperson_code", "campaign_no", "campaign_entry_no")
# What its version of the template says, and its campaign entry.
WORDED = ("template_code", "group_code")
CAMPAIGN = "campaign_no"
# What the entries of a segment match as a whole or not at all.
SEGMENT = ("logged_segment_no", "segment_no")

Found = tuple[int, dt.date]


class Order(NamedTuple):
    """How a page is sorted and where it begins: beyond an entry number, or a date and an entry number."""

    by_date: bool
    descending: bool
    after_date: dt.date | None = None
    after_entry_no: int | None = None

    @property
    def direction(self) -> str:
        """`ASC` or `DESC`."""
        return "DESC" if self.descending else "ASC"

    @property
    def sql(self) -> str:
        """What follows ORDER BY, for visible entry `i`."""
        columns = ("i.date", "i.entry_no") if self.by_date else ("i.entry_no",)
        return ", ".join(f"{column} {self.direction}" for column in columns)

    def beyond(self) -> tuple[str, dict[str, Any]]:
        """Make the condition that leaves out the pages before."""
        if self.after_entry_no is None:
            return "", {}
        comparison = "<" if self.descending else ">"
        if self.by_date:
            return (
                f"AND (i.date, i.entry_no) {comparison} (:after_date, :after_entry_no)",
                {"after_date": self.after_date, "after_entry_no": self.after_entry_no},
            )
        return f"AND i.entry_no {comparison} :after_entry_no", {"after_entry_no": self.after_entry_no}

    def key(self, found: Found) -> tuple[Any, ...]:
        """What entries are compared by."""
        entry_no, day = found
        return (day, entry_no) if self.by_date else (entry_no,)


class Question:
    """A question to the log, with the parameters of its conditions.

    Parameters
    ----------
    filters
        As `interaction_filters.take` returns them.
    order, limit
        Of the page that is wanted.
    company
        Whether `contact_no` of a company includes its people's entries.

    Attributes
    ----------
    conditions
        All that is asked of a visible entry `i`, and that it is on this page or a later one.
    beyond
        The latter alone.
    of_row, of_the_rest
        What the row of an entry says itself, and what takes looking up. Segments are not in the latter.
    wording
        The template and group, by what a row refers to.
    """

    def __init__(
        self, session: Session, filters: Filters, order: Order, limit: int, *, company: bool
    ) -> None:
        self.session, self.filters, self.order, self.limit = session, filters, order, limit
        made, self.parameters = interaction_filters.conditions(session, filters, company=company)
        self.beyond, after = order.beyond()
        self.conditions = " ".join([*made, self.beyond])
        by_name = dict(zip(filters, made, strict=True))
        of_row = [one for name, one in by_name.items() if name in STORED]
        if self.canceled == "true":
            of_row.append(_IS_CANCELED)
        if self.asks_only(CAMPAIGN):
            of_row.append(self._of_campaigns(by_name[CAMPAIGN]))
        self.of_the_rest = [one for name, one in by_name.items() if name not in (*SEGMENT, *STORED, *WORDED)]
        self.parameters |= {**after, "limit": limit}
        self.wording = self._of_wordings() if set(WORDED) & set(filters) else ""
        self.of_row = " ".join([*of_row, self.wording])

    def _of_wordings(self) -> str:
        """Say template and group by what entries refer to, so that PostgreSQL knows how many those are."""
        made, parameters = self.conditions_of(WORDED)
        ids = self.session.scalars(
            text(f"SELECT i.id FROM interaction_template_version i WHERE true {made}"), parameters
        ).all()
        self.parameters["versions"] = ids[0] if len(ids) == 1 else list(ids)
        return f"AND i.template_version_id {'= :versions' if len(ids) == 1 else '= ANY(:versions)'}"

    def _of_campaigns(self, condition: str) -> str:
        """Say the campaign by the numbers of its entries: as a join it would not be read in order."""
        numbers = text(f"SELECT i.entry_no FROM campaign_entry i WHERE true {condition}")
        self.parameters["campaign_entries"] = list(self.session.scalars(numbers, self.parameters))
        return "AND i.campaign_entry_no = ANY(CAST(:campaign_entries AS integer[]))"

    @property
    def canceled(self) -> str:
        """`true` or `false` if only canceled entries or only others are asked for, else empty."""
        given = set(self.filters.get("canceled", ()))
        return given.pop() if len(given) == 1 else ""

    def asks_only(self, name: str) -> bool:
        """Tell whether a filter asks for values alone, not for what is blank."""
        return name in self.filters and records.BLANK not in self.filters[name]

    def asks_one(self, name: str) -> bool:
        """Tell whether a filter asks for one thing."""
        return self.asks_only(name) and isinstance(self.parameters[name], int)

    @property
    def has_one_wording(self) -> bool:
        """Whether template or group are asked for and lead to one version of a template."""
        return isinstance(self.parameters.get("versions"), int)

    def conditions_of(self, names: Collection[str]) -> tuple[str, dict[str, Any]]:
        """Make the conditions of some filters alone, for a relation `i` that has what they ask for."""
        made, parameters = interaction_filters.conditions(
            self.session, {name: self.filters[name] for name in names if name in self.filters}
        )
        return " ".join(made), parameters

    def find(self, statement: str, **parameters: Any) -> list[Found]:
        """Find entry numbers and dates by a statement of this question."""
        rows = self.session.execute(text(statement), {**self.parameters, **parameters})
        return [(row.entry_no, row.date) for row in rows]


# What `canceled` of the view says, told by the row and two short lists.
_IS_CANCELED = """
    AND (i.canceled_at IS NOT NULL
      OR i.logged_segment_no IN (SELECT no FROM logged_segment WHERE canceled_at IS NOT NULL)
      OR i.campaign_entry_no IN (SELECT entry_no FROM campaign_entry WHERE canceled_at IS NOT NULL))
"""
