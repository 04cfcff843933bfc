"""What roles may do to entries (U1)."""

import pytest

from domain.actors import Actor, Role


@pytest.mark.parametrize(
    ("role", "actor_id", "salesperson_id", "may"),
    [
        (Role.MARKETING, 2, 2, True),
        (Role.ADMIN, 2, None, True),
        (Role.SALESPERSON, 1, None, True),
        (Role.SALESPERSON, 2, 7, True),
        (Role.SALESPERSON, 2, 8, False),
        (Role.SALESPERSON, 2, None, False),
        (Role.VIEWER, 1, 7, False),
        (Role.SERVICE, 1, 7, False),
    ],
)
def test_a_salesperson_changes_their_own_entries_and_marketing_all(
    role: Role, actor_id: int, salesperson_id: int | None, may: bool
) -> None:
    actor = Actor(id=1, name="jo", role=role, salesperson_id=7)
    assert actor.may_change(actor_id=actor_id, salesperson_id=salesperson_id) is may


def test_a_blank_salesperson_is_nobodys_own() -> None:
    actor = Actor(id=1, name="jo", role=Role.SALESPERSON)
    assert not actor.may_change(actor_id=2, salesperson_id=None)
