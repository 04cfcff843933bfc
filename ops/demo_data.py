"""A believable company for the demo, the benchmarks and the tests.

Everything follows from the seed: each choice for row n is a hash of n, salted with what is chosen and the seed.
So contacts are made by statements over ranges of row numbers, a million of them in about a minute, and the same
seed makes the same company on any machine.

Four rows in a row are a neighbourhood: a company, two or three of its people, and sometimes somebody on their own.
"""

from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import (
    actors,
    campaigns,
    interaction_groups,
    number_series,
    salespeople,
    setup,
    template_setup,
    templates,
)
from domain.actors import Actor
from domain.database import json_param
from domain.errors import Conflict
from ops import demo_words as words

COMPANY = "Meridian Office Supplies"
# Rows per statement: what foreign keys are still to be checked is kept in memory until the statement ends.
RANGE = 100_000
LARGEST = 9_999_999


class CompanyExists(Conflict):
    """There are contacts already; a demo company is made only in a database without any."""

    code: ClassVar[str] = "company_exists"


def make(session: Session, *, contacts: int, seed: int) -> None:
    """Make the company: setup, groups, templates, salespeople, campaigns and contacts.

    Parameters
    ----------
    contacts
        How many companies and people, up to 9,999,999.
    seed
        Another seed, another company.

    Raises
    ------
    CompanyExists
        If there are contacts already, or numbers of contacts were given out.
    """
    if not 0 < contacts <= LARGEST:
        raise ValueError(f"contacts must be 1 to {LARGEST}")
    session.execute(text("LOCK TABLE contact IN SHARE ROW EXCLUSIVE MODE"))
    if session.scalar(text("SELECT EXISTS (SELECT FROM contact)")):
        raise CompanyExists()
    # Ranges of a million rows take longer than a request of the site may.
    session.execute(text("SET LOCAL statement_timeout = '10min'"))
    actor = actors.system(session)
    setup.change(session, setup.get(session), values={"company_name": COMPANY}, actor=actor)
    _make_salespeople(session, actor)
    _make_templates(session, actor, campaign_nos=_make_campaigns(session, actor))
    _make_contacts(session, actor, contacts=contacts, seed=seed)
    # The rows are new, and what follows in this database should be planned for them.
    for table in ("contact", "contact_membership", "contact_account"):
        session.execute(text(f"ANALYZE {table}"))


def _make_salespeople(session: Session, actor: Actor) -> None:
    for code, name, _ in words.SALESPEOPLE:
        email = f"{words.ascii_of(name).replace('-', '.')}@meridian.example"
        salespeople.create(session, values={"code": code, "name": name, "email": email}, actor=actor)
    code, name = words.LEAVER
    salespeople.create(session, values={"code": code, "name": name, "blocked": True}, actor=actor)


def _make_campaigns(session: Session, actor: Actor) -> list[str]:
    today = setup.today(session)
    return [
        campaigns.create(
            session,
            values={
                "description": description,
                "starting_date": today + timedelta(days=first),
                "ending_date": today + timedelta(days=last),
                "salesperson_code": salesperson,
            },
            actor=actor,
        ).no
        for description, first, last, salesperson in words.CAMPAIGNS
    ]


def _make_templates(session: Session, actor: Actor, *, campaign_nos: list[str]) -> None:
    for code, description in words.GROUPS:
        interaction_groups.create(session, values={"code": code, "description": description}, actor=actor)
    catalogue, fair, loyalty, prices, *_ = campaign_nos
    outbound = {"information_flow": "outbound", "initiated_by": "us"}
    inbound = {"information_flow": "inbound", "initiated_by": "them"}
    made: list[tuple[str, str, str, str, int, dict[str, Any]]] = [
        ("CATALOGUE", "LETTER", "New catalogue", "2.40", 2, {
            **outbound, "campaign_no": catalogue, "campaign_target": True, "language_code": "en",
            "languages": _languages(words.CATALOGUE)}),
        ("FAIR", "EVENT", "Invitation to the fair", "1.10", 3, {
            **outbound, "campaign_no": fair, "campaign_target": True, "language_code": "en",
            "languages": _languages(words.FAIR)}),
        ("PRICES", "MAIL", "New price list", "0.05", 1, {
            **outbound, "campaign_no": prices, "language_code": "en", "languages": _languages(words.PRICES)}),
        ("BIRTHDAY", "LETTER", "Birthday card", "3.20", 5, {
            **outbound, "correspondence_type": "hard_copy", "ignore_contact_correspondence_type": True,
            "language_code": "en", "languages": _languages(words.BIRTHDAY)}),
        ("LETTER", "LETTER", "Letter", "1.30", 10, {**outbound, "correspondence_type": "hard_copy"}),
        ("EMAIL", "MAIL", "E-mail", "0.00", 5, outbound),
        ("CALL-OUT", "PHONE", "Outgoing call", "0.80", 12, {**outbound, "correspondence_type": None}),
        ("CALL-IN", "PHONE", "Incoming call", "0.00", 8, {**inbound, "correspondence_type": None}),
        ("VISIT", "MEETING", "Visit to a customer", "65.00", 120, {**outbound, "correspondence_type": None}),
        ("MEETING", "MEETING", "Meeting here", "20.00", 60, {**inbound, "correspondence_type": None}),
        ("ANSWER", "EVENT", "Answer to a campaign", "0.00", 4, {
            **inbound, "campaign_no": loyalty, "campaign_response": True}),
        ("DOCUMENT", "DOCUMENT", "Printed document", "0.35", 1, {**outbound, "correspondence_type": "hard_copy"}),
    ]  # fmt: skip
    for code, group, description, cost, minutes, rest in made:
        values = {"code": code, "group_code": group, "description": description, "unit_cost": Decimal(cost)}
        templates.create(session, values={**values, "unit_duration_min": minutes, **rest}, actor=actor)
    printed = (
        "sales_quote",
        "sales_order_confirmation",
        "sales_invoice",
        "sales_credit_memo",
        "sales_reminder",
    )
    template_setup.change(
        session,
        values={"outgoing_call": "CALL-OUT", "email": "EMAIL", **dict.fromkeys(printed, "DOCUMENT")},
        actor=actor,
    )


def _languages(subjects: dict[str, str]) -> list[dict[str, str]]:
    return [{"language_code": language, "subject": subject} for language, subject in subjects.items()]


def _make_contacts(session: Session, actor: Actor, *, contacts: int, seed: int) -> None:
    prefix, digits = "CT", max(6, len(str(contacts)))
    numbers = number_series.get(session, setup.describe(session, setup.get(session))["contact_nos"])
    if numbers.last_no_used is not None:
        raise CompanyExists()
    number_series.change(
        session,
        numbers,
        values={
            "starting_no": f"{prefix}{1:0{digits}}",
            "last_no_used": f"{prefix}{contacts:0{digits}}",
            "increment": 1,
        },
        actor=actor,
    )
    _send_words(session)
    base = session.execute(
        text("""
            SELECT setval(s, n + :contacts) - :contacts
            FROM pg_get_serial_sequence('contact', 'id') s, nextval(s) n
        """),
        {"contacts": contacts},
    ).scalar_one()
    for first in range(1, contacts + 1, RANGE):
        parameters = {
            "seed": seed,
            "base": base,
            "first": first,
            "last": min(first + RANGE - 1, contacts),
            "prefix": prefix,
            "digits": digits,
        }
        for statement in (INSERT_CONTACTS, INSERT_MEMBERSHIPS, INSERT_ACCOUNTS):
            session.execute(statement, parameters)


def _send_words(session: Session) -> None:
    """Put the words into temporary tables: a hundred places by share, and one row per language."""
    places, slot = [], 0
    for country in words.COUNTRIES:
        for _ in range(country.share):
            places.append({"slot": slot, **asdict(country), "cities": country.cities.split("|")})
            slot += 1
    languages = [_spelled(code, language) for code, language in words.LANGUAGES.items()]
    salespeople_of = {
        language: [code for code, _, spoken in words.SALESPEOPLE if language in spoken.split()]
        for language in words.LANGUAGES
    }
    session.execute(
        text("""
            CREATE TEMPORARY TABLE demo_place ON COMMIT DROP AS
            SELECT * FROM jsonb_to_recordset(:places)
                AS p(slot integer, code text, language text, dial text, cities text[])
        """).bindparams(json_param("places", places))
    )
    session.execute(
        text("""
            CREATE TEMPORARY TABLE demo_language ON COMMIT DROP AS
            SELECT l.*, ARRAY(
                SELECT p.id FROM salesperson p
                WHERE p.code IN (SELECT jsonb_array_elements_text(CAST(:salespeople AS jsonb) -> l.code))
                ORDER BY p.code) AS salespeople
            FROM jsonb_to_recordset(:languages) AS l(
                code text, women text[], men text[], surnames_women text[], surnames_men text[],
                ascii_women text[], ascii_men text[], ascii_surnames_women text[], ascii_surnames_men text[],
                trades text[], names text[], streets text[])
        """).bindparams(json_param("languages", languages), json_param("salespeople", salespeople_of))
    )
    for table in ("demo_place", "demo_language"):
        session.execute(text(f"ANALYZE {table}"))


def _spelled(code: str, language: words.Language) -> dict[str, Any]:
    women, men = language.women.split(), language.men.split()
    surnames = [name.replace("_", " ") for name in language.surnames.split()]
    return {
        "code": code,
        "women": women,
        "men": men,
        "surnames_women": [name.rpartition("/")[2] for name in surnames],
        "surnames_men": [name.partition("/")[0] for name in surnames],
        "ascii_women": [words.ascii_of(name) for name in women],
        "ascii_men": [words.ascii_of(name) for name in men],
        "ascii_surnames_women": [words.ascii_of(name.rpartition("/")[2]) for name in surnames],
        "ascii_surnames_men": [words.ascii_of(name.partition("/")[0]) for name in surnames],
        "trades": language.trades.split("|"),
        "names": language.names.split("|"),
        "streets": language.streets.split("|"),
    }


def _hash(key: str, salt: str) -> str:
    """Return the SQL of a whole number that follows from the row `key`, `salt` and the seed; never negative."""
    return (
        f"(hashint8extended(CAST({key} AS bigint), hashtextextended('{salt}', CAST(:seed AS bigint)))"
        " & 9223372036854775807)"
    )


def _pick(array: str, key: str, salt: str) -> str:
    """Return the SQL of one element of an array."""
    return f"({array})[1 + mod({_hash(key, salt)}, cardinality({array}))]"


def _position(array: str, key: str, salt: str) -> str:
    """Return the SQL of the position of one element of an array."""
    return f"(1 + mod({_hash(key, salt)}, cardinality({array})))"


def _chance(per_mille: int, key: str, salt: str) -> str:
    """Return the SQL condition that holds for so many rows of a thousand."""
    return f"(mod({_hash(key, salt)}, 1000) < {per_mille})"


def _array(values: tuple[str, ...]) -> str:
    return "ARRAY[" + ", ".join(f"'{value}'" for value in values) + "]"


# Who each row is. `home` is the row that place, industry and salesperson follow from: the company's for its people.
# In the fourth row of a neighbourhood 600 of 1,000 are one more of the company's people, 250 private persons.
ROWS = f"""
    numbered AS (
        SELECT n, CAST((n - 1) % 4 AS integer) AS place, n - (n - 1) % 4 AS company,
               mod({_hash("n", "fourth")}, 1000) AS fourth
        FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) n
    ), rows AS (
        SELECT n,
               CASE WHEN place = 0 OR place = 3 AND fourth >= 850 THEN 'company' ELSE 'person' END AS type,
               CASE WHEN place IN (1, 2) OR place = 3 AND fourth < 600 THEN company END AS company,
               CASE WHEN place = 3 AND fourth >= 600 THEN n ELSE company END AS home
        FROM numbered
    )
"""

INSERT_CONTACTS = text(f"""
    WITH {ROWS}, placed AS (
        SELECT r.*, p.code AS country, p.dial, l.*,
               string_to_array({_pick("p.cities", "home", "city")}, '/') AS city,
               {_chance(500, "n", "woman")} AS woman,
               {_position("l.women", "n", "first name")} AS first_name,
               {_position("l.surnames_men", "n", "surname")} AS surname,
               {_position("l.surnames_men", "home", "company name")} AS company_name,
               {_position("l.surnames_men", "home", "second name")} AS second_name,
               {_position("l.trades", "home", "industry")} AS industry
        FROM rows r
        JOIN demo_place p ON p.slot = mod({_hash("r.home", "place")}, 100)
        JOIN demo_language l ON l.code = p.language
    ), named AS (
        SELECT placed.*,
               CASE WHEN woman THEN women[first_name] ELSE men[first_name] END AS given_name,
               CASE WHEN woman THEN surnames_women[surname] ELSE surnames_men[surname] END AS family_name,
               replace(replace(replace(replace({_pick("names", "home", "pattern")},
                   '{{name}}', surnames_men[company_name]), '{{second}}', surnames_men[second_name]),
                   '{{place}}', city[1]), '{{trade}}', trades[industry]) AS trading_as,
               CASE WHEN type = 'company' OR company IS NOT NULL
                   THEN ascii_surnames_men[company_name] || '-' || home % 1000 ELSE 'post' END AS domain
        FROM placed
    )
    INSERT INTO contact (
        id, no, type, name, company_id, email, phone, mobile_phone, address, post_code, city, country_code,
        territory_code, language_code, salesperson_id, correspondence_type, exclude_from_segment, privacy_blocked)
    OVERRIDING SYSTEM VALUE
    SELECT
        :base + n - 1,
        CAST(:prefix AS text) || lpad(CAST(n AS text), :digits, '0'),
        type,
        CASE type WHEN 'company' THEN trading_as ELSE given_name || ' ' || family_name END,
        :base + company - 1,
        CASE WHEN {_chance(80, "n", "no email")} THEN ''
             WHEN type = 'company' THEN 'info@' || domain || '.example'
             ELSE CASE WHEN woman THEN ascii_women[first_name] || '.' || ascii_surnames_women[surname]
                       ELSE ascii_men[first_name] || '.' || ascii_surnames_men[surname] END
                  || '@' || domain || '.example' END,
        CASE WHEN type = 'person' AND company IS NULL THEN ''
             ELSE dial || ' ' || 20 + mod({_hash("home", "area")}, 70) || ' '
                  || lpad(CAST(mod({_hash("home", "phone")}, 1000000) AS text), 6, '0')
                  || CASE WHEN type = 'person' THEN '-' || 10 + mod({_hash("n", "extension")}, 90) ELSE '' END END,
        CASE WHEN type = 'person' AND {_chance(700, "n", "has mobile")}
             THEN dial || ' 7' || lpad(CAST(mod({_hash("n", "mobile")}, 100000000) AS text), 8, '0') ELSE '' END,
        replace({_pick("streets", "home", "street")}, '{{}}',
                CAST(1 + mod({_hash("home", "house")}, 140) AS text)),
        translate(city[3], 'pqrstuxy', lpad(CAST(mod({_hash("home", "post code")}, 1000000) AS text), 6, '0')
            || chr(CAST(65 + mod({_hash("home", "x")}, 26) AS integer))
            || chr(CAST(65 + mod({_hash("home", "y")}, 26) AS integer))),
        city[1], country, city[2],
        CASE mod({_hash("n", "language")}, 20) WHEN 0 THEN NULL WHEN 1 THEN 'en' ELSE code END,
        CASE WHEN {_chance(3, "n", "no salesperson")} THEN NULL
             WHEN {_chance(2, "n", "leaver")} THEN (SELECT id FROM salesperson WHERE code = '{words.LEAVER[0]}')
             ELSE {_pick("salespeople", "home", "salesperson")} END,
        CASE WHEN {_chance(120, "n", "by letter")} THEN 'hard_copy' WHEN {_chance(30, "n", "by fax")} THEN 'fax'
             WHEN {_chance(700, "n", "by email")} THEN 'email' END,
        {_chance(10, "n", "excluded")},
        {_chance(5, "n", "blocked")}
    FROM named
    ORDER BY n
""")

_RELATION_LIMITS = [
    (code, sum(share for _, share in words.BUSINESS_RELATIONS[: position + 1]))
    for position, (code, _) in enumerate(words.BUSINESS_RELATIONS)
]
_RELATION = (
    f"CASE {' '.join(f'WHEN relation < {limit} THEN {code!r}' for code, limit in _RELATION_LIMITS)} END"
)
_MAILING = " UNION ALL ".join(
    f"SELECT n, 'mailing_group', '{code}' FROM rows WHERE {_chance(share, 'n', code)}"
    for code, share in words.MAILING_GROUPS
)

# Industry and relation stand on the company; its people inherit them (S5).
INSERT_MEMBERSHIPS = text(f"""
    WITH {ROWS}, related AS (
        SELECT rows.*, mod({_hash("n", "relation")}, 1000) AS relation FROM rows WHERE company IS NULL
    ), memberships (n, kind, code) AS (
        {_MAILING}
        UNION ALL
        SELECT n, 'industry_group', {_pick(_array(words.INDUSTRIES), "home", "industry")}
        FROM rows WHERE type = 'company'
        UNION ALL
        SELECT n, 'business_relation', {_RELATION} FROM related
        UNION ALL
        SELECT n, 'job_responsibility', {_pick(_array(words.JOBS), "n", "job")}
        FROM rows WHERE company IS NOT NULL AND {_chance(900, "n", "has job")}
    )
    INSERT INTO contact_membership (contact_id, kind, code)
    SELECT :base + n - 1, kind, code FROM memberships ORDER BY n, kind, code
""")

INSERT_ACCOUNTS = text(f"""
    WITH {ROWS}, related AS (
        SELECT rows.*, mod({_hash("n", "relation")}, 1000) AS relation FROM rows WHERE company IS NULL
    ), accounts AS (
        SELECT n, {_RELATION} AS relation FROM related
    )
    INSERT INTO contact_account (type, no, contact_id)
    SELECT lower(relation), left(relation, 1) || 10000 + n, :base + n - 1
    FROM accounts WHERE relation IN ('CUSTOMER', 'VENDOR')
    ORDER BY n
""")
