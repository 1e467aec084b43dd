"""Who is at the door, and whether they may pass.

Machines and command lines send `Authorization: Bearer KEY`. A browser has a session cookie: then a request that
changes something, and every socket, must name our own origin. A WebSocket that cannot send headers takes `?token=`.
401: nobody we know; 403: known, but the role does not reach, or another origin asked; 429: too many wrong guesses.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Request, Security, WebSocket
from fastapi.responses import JSONResponse, Response
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from ringfence.access.roles import Principal, Role
from ringfence.access.service import SESSION_LIFE
from ringfence.web import origin
from ringfence.web.guesses import Guesses, client_address, networks
from ringfence.web.problems import problem
from ringfence.web.services import Services

log = logging.getLogger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MISSING = "Say who you are: send `Authorization: Bearer KEY`, or sign in to the console with a link from `ringfence link`."
WRONG = "These credentials are not good: they are mistyped, used up, too old or were revoked."
OVER = "Your session is over. Sign in again with a link from `ringfence link`."
FOREIGN = "The request comes from another website. Open the console at its own address."

_bearer = HTTPBearer(auto_error=False, scheme_name="key", description="An API key: `ringfence keys create`.")
_cookie = APIKeyCookie(
    auto_error=False, name="ringfence", scheme_name="session", description="A browser's session."
)


class Guard:
    """One an application; it remembers who guessed wrong."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._guesses = Guesses(services.clock)
        self._trusted_proxies = networks(services.trusted_proxies)

    def needs(self, role: Role) -> Callable[..., Awaitable[Principal]]:
        """A dependency that lets through whoever's role covers this one, and says who it is."""

        async def allowed(
            request: Request,
            _key: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
            _session: Annotated[str | None, Security(_cookie)],
        ) -> Principal:
            principal = await self._identify(request)
            if principal.by_session and request.method not in SAFE_METHODS:
                self.refuse_foreign(request)
            refuse_low(principal, role)
            return principal

        allowed.needed_role = role  # type: ignore[attr-defined]  # Read by the API's description.
        return allowed

    async def admit(self, websocket: WebSocket, role: Role) -> Principal | None:
        """Who opens a socket; None when it was refused, which the peer has then been told."""
        try:
            if "origin" in websocket.headers:
                self.refuse_foreign(websocket)
            principal = await self._identify(websocket)
            if principal.by_session and "origin" not in websocket.headers:
                raise HTTPException(403, FOREIGN)
            refuse_low(principal, role)
        except HTTPException as refusal:
            await _deny(websocket, problem(refusal.status_code, refusal.detail, headers=refusal.headers))
            return None
        return principal

    async def still_admitted(self, websocket: WebSocket, role: Role) -> bool:
        """Whether the credentials that opened a socket are still good."""
        principal = await self._principal(websocket)
        return principal is not None and principal.role.covers(role)

    def refuse_foreign(self, connection: HTTPConnection) -> None:
        """Raises HTTPException when a browser asks on behalf of somebody else's page."""
        if not origin.is_ours(connection, self._services.public_url):
            raise HTTPException(403, FOREIGN)

    def refuse_foreign_browser(self, connection: HTTPConnection) -> None:
        """For doors without credentials: a browser shows itself by `Origin` or by its cookie."""
        if "origin" in connection.headers or self.session_token(connection) is not None:
            self.refuse_foreign(connection)

    def wrong(self, connection: HTTPConnection, detail: str = WRONG) -> HTTPException:
        """The refusal for wrong credentials, counted by address."""
        address = client_address(connection, self._trusted_proxies)
        retry_after_s = self._guesses.wrong(address)
        if retry_after_s is None:
            return HTTPException(401, detail, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        log.warning("too many wrong credentials from one address", extra={"pii.address": address})
        return HTTPException(
            429,
            f"Too many wrong credentials came from this address. Try again in {retry_after_s} seconds.",
            {"Retry-After": str(retry_after_s)},
        )

    # --- the browser's session

    @property
    def cookie_name(self) -> str:
        return "__Host-ringfence" if self.is_https else "ringfence"

    @property
    def is_https(self) -> bool:
        return self._services.public_url.startswith("https://")

    def set_session(self, response: Response, token: str) -> None:
        response.set_cookie(
            self.cookie_name,
            token,
            max_age=int(SESSION_LIFE.total_seconds()),
            path="/",
            secure=self.is_https,
            httponly=True,
            samesite="strict",
        )

    def drop_session(self, response: Response) -> None:
        response.delete_cookie(
            self.cookie_name, path="/", secure=self.is_https, httponly=True, samesite="strict"
        )

    def session_token(self, connection: HTTPConnection) -> str | None:
        return connection.cookies.get(self.cookie_name)

    # --- who it is

    async def _identify(self, connection: HTTPConnection) -> Principal:
        principal = await self._principal(connection)
        if principal is not None:
            return principal
        if _presented_key(connection) is not None:
            raise self.wrong(connection)
        detail = MISSING if self.session_token(connection) is None else OVER
        raise HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})

    async def _principal(self, connection: HTTPConnection) -> Principal | None:
        """A key that was sent decides alone; a cookie that a browser adds by itself does not make up for it."""
        key = _presented_key(connection)
        if key is not None:
            return await self._services.access.check_key(key)
        token = self.session_token(connection)
        return await self._services.access.check_session(token) if token is not None else None


def refuse_low(principal: Principal, needed: Role) -> None:
    """Raises HTTPException when the role does not reach."""
    if not principal.role.covers(needed):
        raise HTTPException(403, f"This needs the role {needed}; yours is {principal.role}.")


def _presented_key(connection: HTTPConnection) -> str | None:
    header = connection.headers.get("authorization")
    if header is not None:
        scheme, _, key = header.partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""
    if connection.scope["type"] == "websocket":
        return connection.query_params.get("token")
    return None


async def _deny(websocket: WebSocket, answer: JSONResponse) -> None:
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(answer)
    else:
        await websocket.close(1008)
