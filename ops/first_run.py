"""What the first start of a stack makes: its administrator."""

from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import users
from domain.database import make_engine


def ensure_admin(database_url: str, base_url: str, *, password: Callable[[], str]) -> str | None:
    """Make the administrator when nobody can sign in yet.

    Parameters
    ----------
    database_url
        The migrated database.
    base_url
        Where the site is reached, without a slash at the end.
    password
        Makes the new administrator's password; not asked where there are users, such as after a restore.

    Returns
    -------
    str or None
        A link that signs the administrator in, once; None when there are users already.
    """
    engine = make_engine(database_url, process="first-run")
    try:
        with Session(engine) as session, session.begin():
            if session.scalar(text("SELECT EXISTS (SELECT FROM app_user)")):
                return None
            values = {"name": "admin", "role": "admin", "password": password()}
            admin = users.create_user(session, values=values, actor=users.system(session))
            return f"{base_url}/sign-in/link/{users.create_sign_in_link(session, admin)}"
    finally:
        engine.dispose()
