"""What somebody may do here, and who somebody is."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """`admin` may do what an `operator` may, an operator what a `viewer` may; `ivr` is for machines that ask
    the screening door, and opens nothing else."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"
    IVR = "ivr"

    def covers(self, needed: "Role") -> bool:
        """Whether somebody of this role may do what asks for `needed`."""
        return needed in _COVERED[self]


_COVERED = {
    Role.ADMIN: frozenset({Role.ADMIN, Role.OPERATOR, Role.VIEWER}),
    Role.OPERATOR: frozenset({Role.OPERATOR, Role.VIEWER}),
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.IVR: frozenset({Role.IVR}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose credentials were found good a moment ago."""

    name: str
    """The name given to the key or the sign-in link; it stands in the audit log."""
    role: Role
    by_session: bool = False
    """Came in with a browser's cookie: requests that change something must then name our own origin."""
