"""The made-up company: the same for the same seed, and sound enough to be logged."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, contacts, number_series
from ops import demo_data, demo_words

CONTACTS = 300

# What a person would compare; ids and the time of making are the database's affair.
BOOK = text("""
    SELECT c.no, c.type, c.name, o.no, c.email, c.phone, c.mobile_phone, c.address, c.post_code, c.city,
           c.country_code, c.territory_code, c.language_code, p.code, c.correspondence_type,
           c.exclude_from_segment, c.privacy_blocked,
           (SELECT array_agg(m.kind || m.code ORDER BY m.kind, m.code) FROM contact_membership m
            WHERE m.contact_id = c.id),
           (SELECT array_agg(a.type || a.no ORDER BY a.type, a.no) FROM contact_account a WHERE a.contact_id = c.id)
    FROM contact c
    LEFT JOIN contact o ON o.id = c.company_id
    LEFT JOIN salesperson p ON p.id = c.salesperson_id
    ORDER BY c.no
""")


def book(session: Session, *, seed: int, size: int = CONTACTS) -> list[tuple[object, ...]]:
    """Make a company, read its contacts and take it back."""
    with session.begin_nested() as savepoint:
        demo_data.make(session, contacts=size, seed=seed)
        rows = [tuple(row) for row in session.execute(BOOK)]
        savepoint.rollback()
    session.expire_all()
    return rows


@pytest.fixture
def company(session: Session) -> Session:
    demo_data.make(session, contacts=CONTACTS, seed=1)
    return session


def count(session: Session, statement: str) -> int:
    return int(session.execute(text(f"SELECT count(*) FROM {statement}")).scalar_one())


def test_the_same_seed_makes_the_same_company(session):
    first = book(session, seed=1)
    assert len(first) == CONTACTS
    assert book(session, seed=1) == first
    assert book(session, seed=2) != first


def test_a_larger_company_begins_like_a_smaller_one(session):
    assert book(session, seed=1, size=4 * CONTACTS)[:CONTACTS] == book(session, seed=1)


def test_ranges_of_rows_do_not_show_in_the_company(session, monkeypatch):
    whole = book(session, seed=1)
    monkeypatch.setattr(demo_data, "RANGE", 16)
    assert book(session, seed=1) == whole


def test_people_belong_to_companies_and_live_where_they_are(company):
    assert 0 < count(company, "contact WHERE type = 'company'") < CONTACTS
    assert count(company, "contact WHERE type = 'person' AND company_id IS NOT NULL") > CONTACTS / 3
    assert count(company, "contact WHERE type = 'person' AND company_id IS NULL") > 0
    misplaced = "contact p JOIN contact c ON c.id = p.company_id"
    assert count(company, f"{misplaced} WHERE c.type <> 'company'") == 0
    assert count(company, f"{misplaced} WHERE (p.city, p.country_code) <> (c.city, c.country_code)") == 0


def test_every_contact_passes_the_checks_of_the_domain(company):
    actor = actors.system(company)
    for contact in contacts.page(company, filters={}, limit=CONTACTS):
        described = contacts.describe(company, [contact])[0]
        values = {field: described[field] for field in contacts.STORED}
        contacts.change(company, contact, values=values, actor=actor)
    assert count(company, "audit WHERE object_type = 'contact'") == 0


def test_nothing_is_left_of_the_patterns(company):
    assert count(company, "contact WHERE name ~ '[{}_]' OR address ~ '[{}]' OR name = '' OR city = ''") == 0
    assert count(company, "contact WHERE email <> '' AND email !~ '^[a-z.-]+@[a-z0-9-]+[.]example$'") == 0


def test_post_codes_have_their_placeholders_filled():
    for country in demo_words.COUNTRIES:
        for city in country.cities.split("|"):
            name, territory, post_code = city.split("/")
            assert name
            assert territory.startswith(country.code)
            assert set(post_code) & set("pqrstu")


def test_shares_of_countries_make_a_hundred():
    assert sum(country.share for country in demo_words.COUNTRIES) == 100
    assert {country.language for country in demo_words.COUNTRIES} <= set(demo_words.LANGUAGES)


def test_every_language_has_a_trade_for_each_industry_and_somebody_who_speaks_it():
    spoken = {language for _, _, languages in demo_words.SALESPEOPLE for language in languages.split()}
    for code, language in demo_words.LANGUAGES.items():
        assert len(language.trades.split("|")) == len(demo_words.INDUSTRIES)
        assert code in spoken


def test_the_next_contact_gets_the_next_number(company):
    made = contacts.create(company, values={"type": "person", "name": "New"}, actor=actors.system(company))
    assert made.no == f"CT{CONTACTS + 1:06}"
    assert made.id == company.execute(text("SELECT max(id) FROM contact")).scalar_one()


def test_more_contacts_than_the_usual_numbers_have_digits_get_longer_ones(session, monkeypatch):
    monkeypatch.setattr(demo_data, "_send_words", lambda session: None)
    for name in ("INSERT_CONTACTS", "INSERT_MEMBERSHIPS", "INSERT_ACCOUNTS"):
        monkeypatch.setattr(demo_data, name, text("SELECT 1"))
    demo_data.make(session, contacts=1_000_000, seed=1)
    series = number_series.get(session, "CONTACT")
    assert (series.starting_no, series.last_no_used) == ("CT0000001", "CT1000000")


def test_a_company_is_made_only_where_there_are_no_contacts(company):
    with pytest.raises(demo_data.CompanyExists):
        demo_data.make(company, contacts=CONTACTS, seed=1)


def test_a_larger_company_has_contacts_of_every_kind_a_check_looks_for(session):
    demo_data.make(session, contacts=5_000, seed=1)
    for condition in (
        "privacy_blocked", "exclude_from_segment", "salesperson_id IS NULL", "email = ''", "language_code IS NULL",
        "salesperson_id IN (SELECT id FROM salesperson WHERE blocked)", "correspondence_type IS NULL",
    ):  # fmt: skip
        assert 0 < count(session, f"contact WHERE {condition}") < 2_000, condition
    assert count(session, "(SELECT DISTINCT country_code FROM contact)") == len(
        {country.code for country in demo_words.COUNTRIES}
    )
