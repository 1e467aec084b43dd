"""Who may come in: makes, checks and revokes keys, sign-in links and sessions.

A key is for machines and for people at a command line. A sign-in link is for a person at a browser: it works
once, within a quarter of an hour, and becomes a session. Everything but a check is in the audit log.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from ringfence.access import tokens
from ringfence.access.roles import Principal, Role
from ringfence.access.store import AccessStore, ApiKey, Session, SignInLink
from ringfence.contracts import Clock, Database
from ringfence.model.errors import NotFound

__all__ = ["AccessService", "ApiKey", "Principal", "Role"]

LINK_LIFE = timedelta(minutes=15)
SESSION_IDLE = timedelta(hours=2)
SESSION_LIFE = timedelta(hours=12)
"""A session ends two hours after its last use, and twelve hours after its start whatever happens."""
NOTE_USE_EVERY = timedelta(minutes=1)

Note = Callable[[str, str, str, datetime], Awaitable[object]]
"""`privacy.audit.AuditLog.add`: who, action, subject, at."""


class AccessService:
    """Satisfied by a database and a clock; `note` is where its deeds are written down."""

    def __init__(self, db: Database, clock: Clock, note: Note | None = None) -> None:
        self._store = AccessStore(db)
        self._clock = clock
        self._note = note

    # --- keys

    async def create_key(self, name: str, role: Role, *, by: str = "command line") -> str:
        """A new key. The answer is the only time that it can be seen."""
        now = self._clock.now()
        token = tokens.make(tokens.KEY)
        await self._store.add_key(token.id, name, Role(role), token.digest, now)
        await self._write_down(by, "key.created", f"key {token.id}, role {role}", now)
        return token.text

    async def check_key(self, text: str) -> Principal | None:
        """Whose key it is; None when it is nobody's, or was revoked."""
        key = await self._find_key(text)
        return Principal(key.name, key.role) if key else None

    async def list_keys(self) -> Sequence[ApiKey]:
        """Oldest first, revoked ones included."""
        return await self._store.keys()

    async def revoke_key(self, key_id: str, *, by: str = "command line") -> None:
        """From now on nobody comes in with it, nor with a session opened by it. Raises NotFound."""
        now = self._clock.now()
        if not await self._store.revoke_key(key_id, now):
            raise NotFound(f"no key {key_id} can be revoked; `ringfence keys list` shows those there are")
        await self._write_down(by, "key.revoked", f"key {key_id}", now)

    # --- sign-in links

    async def issue_link(self, role: Role, name: str, *, by: str = "command line") -> str:
        """The token of a link that signs one person in, once, within 15 minutes."""
        now = self._clock.now()
        token = tokens.make(tokens.LINK)
        await self._store.add_link(SignInLink(token.id, token.digest, name, Role(role), now + LINK_LIFE), now)
        await self._write_down(by, "link.issued", f"link {token.id}, role {role}", now)
        return token.text

    async def redeem_link(self, text: str) -> str | None:
        """The token of a new session; None when the link is wrong, too old or used."""
        link_id = tokens.id_of(tokens.LINK, text)
        link = await self._store.link(link_id) if link_id else None
        if link is None or not tokens.matches(text, link.token_hash):
            return None
        if not await self._store.use_link(link.id, self._clock.now()):
            return None
        return await self._open(link.name, link.role, key_id=None, means=f"link {link.id}")

    # --- sessions

    async def open_session(self, key_text: str) -> str | None:
        """The token of a new session for whoever holds the key; None when the key is not good."""
        key = await self._find_key(key_text)
        return await self._open(key.name, key.role, key_id=key.id, means=f"key {key.id}") if key else None

    async def check_session(self, text: str) -> Principal | None:
        """Who is behind a session's token, and a sign of life for the session; None when it is over."""
        session = await self._find_session(text)
        if session is None:
            return None
        now = self._clock.now()
        expires_at = min(now + SESSION_IDLE, session.created_at + SESSION_LIFE)
        if expires_at - session.expires_at >= NOTE_USE_EVERY:
            await self._store.extend_session(session.id, expires_at)
        return Principal(session.name, session.role, by_session=True)

    async def end_session(self, text: str) -> None:
        """Sign out. What is over already stays over."""
        session = await self._find_session(text)
        now = self._clock.now()
        if session and await self._store.revoke_session(session.id, now):
            await self._write_down(session.name, "session.ended", f"session {session.id}", now)

    async def _find_key(self, text: str) -> ApiKey | None:
        key_id = tokens.id_of(tokens.KEY, text)
        key = await self._store.key(key_id) if key_id else None
        if key is None or not tokens.matches(text, key.secret_hash) or key.revoked_at is not None:
            return None
        now = self._clock.now()
        if key.last_used_at is None or now - key.last_used_at >= NOTE_USE_EVERY:
            await self._store.key_used(key.id, now)
        return key

    async def _find_session(self, text: str) -> Session | None:
        session_id = tokens.id_of(tokens.SESSION, text)
        session = await self._store.session(session_id) if session_id else None
        if session is None or not tokens.matches(text, session.token_hash):
            return None
        over = session.revoked_at or session.key_revoked_at or session.expires_at <= self._clock.now()
        return None if over else session

    async def _open(self, name: str, role: Role, *, key_id: str | None, means: str) -> str:
        now = self._clock.now()
        token = tokens.make(tokens.SESSION)
        await self._store.add_session(
            Session(token.id, token.digest, name, role, key_id, now, now + SESSION_IDLE, revoked_at=None)
        )
        await self._write_down(name, "session.opened", f"session {token.id} with {means}", now)
        return token.text

    async def _write_down(self, who: str, action: str, subject: str, at: datetime) -> None:
        if self._note is not None:
            await self._note(who, action, subject, at)
