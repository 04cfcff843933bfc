"""What hangs on contacts: customer and vendor accounts, and memberships in groups and the like (C1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, delete, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import values as v
from domain.database import Base, constraints_as_faults
from domain.errors import Fault, Faults, Invalid

ACCOUNT_TYPES = ("customer", "vendor")
ACCOUNT_CHECKS: dict[str, v.Check] = {
    "type": v.choice(*ACCOUNT_TYPES, required=True),
    "no": v.foreign_no,
}
# API field -> kind of membership.
MEMBERSHIPS: dict[str, str] = {
    "mailing_groups": "mailing_group",
    "industry_groups": "industry_group",
    "business_relations": "business_relation",
    "job_responsibilities": "job_responsibility",
}

Account = tuple[str, str]


class ContactAccount(Base):
    """The contact of a customer or vendor account; an account has at most one (C1)."""

    __tablename__ = "contact_account"

    type: Mapped[str] = mapped_column(primary_key=True)
    no: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("contact.id", ondelete="CASCADE"))


class ContactMembership(Base):
    """A free code on a contact, made by being used (C1)."""

    __tablename__ = "contact_membership"

    kind: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True
    )


def take_accounts(rows: Sequence[Mapping[str, Any]], faults: Faults) -> dict[int, Account]:
    """Check given accounts, noting faults at `accounts.N.field`; return the good ones by position.

    The same one twice, ignoring case, is kept once.
    """
    accounts: dict[int, Account] = {}
    seen: set[Account] = set()
    for position, row in enumerate(rows):
        taken = v.take(
            {"type": None, "no": None, **row}, ACCOUNT_CHECKS, faults, prefix=f"accounts.{position}."
        )
        if len(taken) == len(ACCOUNT_CHECKS):
            type, no = taken["type"], taken["no"]
            if (type, no.lower()) not in seen:
                accounts[position] = (type, no)
            seen.add((type, no.lower()))
    return accounts


def check_accounts(
    session: Session, accounts: Mapping[int, Account], *, contact_id: int | None, faults: Faults
) -> None:
    """Note fault `account_taken` for each account that another contact has (C1)."""
    if not accounts:
        return
    held = session.execute(
        _HELD,
        {
            "positions": list(accounts),
            "types": [type for type, _ in accounts.values()],
            "nos": [no for _, no in accounts.values()],
            "contact_id": contact_id or 0,
        },
    )
    for position, holder in held:
        type, no = accounts[position]
        faults.add(f"accounts.{position}.no", "account_taken", no, type=type, contact_no=holder)


def write_accounts(session: Session, contact_id: int, accounts: Mapping[int, Account]) -> None:
    """Give a contact these accounts and no others; raise `Invalid` if one was taken meanwhile (C1)."""
    session.execute(delete(ContactAccount).where(ContactAccount.contact_id == contact_id))
    for position, (type, no) in accounts.items():
        try:
            with constraints_as_faults(session, {"accounts": no}):
                session.add(ContactAccount(type=type, no=no, contact_id=contact_id))
        except Invalid as refusal:
            fault = Fault(f"accounts.{position}.no", "account_taken", no, {"type": type})
            raise Invalid([fault]) from refusal


# contact_account_no_key answers each.
_HELD = text("""
    SELECT g.position, c.no
    FROM unnest(cast(:positions AS integer[]), cast(:types AS text[]), cast(:nos AS text[]))
        AS g (position, type, no)
    JOIN contact_account a ON a.type = g.type AND lower(a.no) = lower(g.no)
    JOIN contact c ON c.id = a.contact_id
    WHERE a.contact_id <> :contact_id
    ORDER BY g.position
""")


def write_memberships(session: Session, contact_id: int, field: str, codes: Sequence[str]) -> None:
    """Give a contact these codes in one kind of membership and no others."""
    kind = MEMBERSHIPS[field]
    session.execute(
        delete(ContactMembership).where(
            ContactMembership.contact_id == contact_id, ContactMembership.kind == kind
        )
    )
    session.add_all(ContactMembership(kind=kind, code=code, contact_id=contact_id) for code in codes)
    session.flush()


def of(session: Session, ids: Sequence[int]) -> dict[int, dict[str, list[Any]]]:
    """Give the links of each contact their API shape, in two queries; each list is in order."""
    links: dict[int, dict[str, list[Any]]] = {
        id: {"accounts": [], **{field: [] for field in MEMBERSHIPS}} for id in ids
    }
    fields = {kind: field for field, kind in MEMBERSHIPS.items()}
    memberships = session.execute(
        select(ContactMembership.contact_id, ContactMembership.kind, ContactMembership.code)
        .where(ContactMembership.contact_id == func.any(list(links)))
        .order_by(func.lower(ContactMembership.code))
    )
    for contact_id, kind, code in memberships:
        links[contact_id][fields[kind]].append(code)
    accounts = session.execute(
        select(ContactAccount.contact_id, ContactAccount.type, ContactAccount.no)
        .where(ContactAccount.contact_id == func.any(list(links)))
        .order_by(ContactAccount.type, func.lower(ContactAccount.no))
    )
    for contact_id, type, no in accounts:
        links[contact_id]["accounts"].append({"type": type, "no": no})
    return links
