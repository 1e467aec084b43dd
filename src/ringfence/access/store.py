"""Keys, sign-in links and sessions in the database. Secrets are not: only their digests are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, MetaData, Row, Table, Text, insert, select, update

from ringfence.access.roles import Role
from ringfence.columns import Instant
from ringfence.contracts import Database

metadata = MetaData()

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("last_used_at", Instant),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("key_id", Text),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept; the secret cannot be had back."""

    id: str
    name: str
    role: Role
    secret_hash: str
    created_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def from_row(cls, row: Row[Any]) -> "ApiKey":
        return cls(
            row.id,
            row.name,
            Role(row.role),
            row.secret_hash,
            row.created_at,
            row.revoked_at,
            row.last_used_at,
        )


@dataclass(frozen=True, slots=True)
class SignInLink:
    id: str
    token_hash: str
    name: str
    role: Role
    expires_at: datetime
    used_at: datetime | None = None

    @classmethod
    def from_row(cls, row: Row[Any]) -> "SignInLink":
        return cls(row.id, row.token_hash, row.name, Role(row.role), row.expires_at, row.used_at)


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    token_hash: str
    name: str
    role: Role
    key_id: str | None
    """The key it was opened with; the session dies with it. None: opened with a sign-in link."""
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    key_revoked_at: datetime | None = None

    @classmethod
    def from_row(cls, row: Row[Any]) -> "Session":
        return cls(
            row.id,
            row.token_hash,
            row.name,
            Role(row.role),
            row.key_id,
            row.created_at,
            row.expires_at,
            row.revoked_at,
            row.key_revoked_at,
        )


class AccessStore:
    def __init__(self, db: Database) -> None:
        self._db = db

    # --- keys

    async def add_key(self, key_id: str, name: str, role: Role, secret_hash: str, at: datetime) -> None:
        async with self._db.transaction() as connection:
            await connection.execute(
                insert(api_keys).values(
                    id=key_id, name=name, role=role.value, secret_hash=secret_hash, created_at=at
                )
            )

    async def key(self, key_id: str) -> ApiKey | None:
        async with self._db.reading() as connection:
            row = (await connection.execute(select(api_keys).where(api_keys.c.id == key_id))).first()
        return ApiKey.from_row(row) if row else None

    async def keys(self) -> Sequence[ApiKey]:
        """Oldest first, revoked ones included."""
        async with self._db.reading() as connection:
            rows = await connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id))
        return tuple(ApiKey.from_row(row) for row in rows)

    async def key_used(self, key_id: str, at: datetime) -> None:
        async with self._db.transaction() as connection:
            await connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=at))

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        """True for the first asker."""
        async with self._db.transaction() as connection:
            done = await connection.execute(
                update(api_keys)
                .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
                .values(revoked_at=at)
            )
        return done.rowcount == 1

    # --- sign-in links

    async def add_link(self, link: SignInLink, at: datetime) -> None:
        async with self._db.transaction() as connection:
            await connection.execute(
                insert(sign_in_links).values(
                    id=link.id,
                    token_hash=link.token_hash,
                    name=link.name,
                    role=link.role.value,
                    created_at=at,
                    expires_at=link.expires_at,
                )
            )

    async def link(self, link_id: str) -> SignInLink | None:
        async with self._db.reading() as connection:
            row = (
                await connection.execute(select(sign_in_links).where(sign_in_links.c.id == link_id))
            ).first()
        return SignInLink.from_row(row) if row else None

    async def use_link(self, link_id: str, at: datetime) -> bool:
        """True for the one who came first, and in time."""
        async with self._db.transaction() as connection:
            done = await connection.execute(
                update(sign_in_links)
                .where(
                    sign_in_links.c.id == link_id,
                    sign_in_links.c.used_at.is_(None),
                    sign_in_links.c.expires_at > at,
                )
                .values(used_at=at)
            )
        return done.rowcount == 1

    # --- sessions

    async def add_session(self, session: Session) -> None:
        async with self._db.transaction() as connection:
            await connection.execute(
                insert(sessions).values(
                    id=session.id,
                    token_hash=session.token_hash,
                    name=session.name,
                    role=session.role.value,
                    key_id=session.key_id,
                    created_at=session.created_at,
                    expires_at=session.expires_at,
                )
            )

    async def session(self, session_id: str) -> Session | None:
        with_key = sessions.outerjoin(api_keys, sessions.c.key_id == api_keys.c.id)
        async with self._db.reading() as connection:
            row = (
                await connection.execute(
                    select(sessions, api_keys.c.revoked_at.label("key_revoked_at"))
                    .select_from(with_key)
                    .where(sessions.c.id == session_id)
                )
            ).first()
        return Session.from_row(row) if row else None

    async def extend_session(self, session_id: str, expires_at: datetime) -> None:
        async with self._db.transaction() as connection:
            await connection.execute(
                update(sessions)
                .where(sessions.c.id == session_id, sessions.c.revoked_at.is_(None))
                .values(expires_at=expires_at)
            )

    async def revoke_session(self, session_id: str, at: datetime) -> bool:
        """True for the first asker."""
        async with self._db.transaction() as connection:
            done = await connection.execute(
                update(sessions)
                .where(sessions.c.id == session_id, sessions.c.revoked_at.is_(None))
                .values(revoked_at=at)
            )
        return done.rowcount == 1
