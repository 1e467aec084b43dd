"""Who may do what."""

import pytest

from ringfence.access.roles import Role

pytestmark = pytest.mark.unit

COVERED = {
    Role.ADMIN: {Role.ADMIN, Role.OPERATOR, Role.VIEWER},
    Role.OPERATOR: {Role.OPERATOR, Role.VIEWER},
    Role.VIEWER: {Role.VIEWER},
    Role.IVR: {Role.IVR},
}


@pytest.mark.parametrize("role", Role)
def test_a_role_covers_those_below_it_and_ivr_stands_alone(role: Role) -> None:
    assert {needed for needed in Role if role.covers(needed)} == COVERED[role]
