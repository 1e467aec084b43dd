"""Is it alive, is it ready, is the carrier's side configured: for whoever watches the process, without credentials."""

import asyncio
import logging

from fastapi import APIRouter
from sqlalchemy import text
from starlette.exceptions import HTTPException

from ringfence.web import schemas
from ringfence.web.services import Services

log = logging.getLogger(__name__)

DATABASE_DEADLINE_S = 1.0


def router(services: Services) -> APIRouter:
    doors = APIRouter(tags=["health"])

    @doors.get("/healthz")
    async def alive() -> schemas.Alive:
        """The process answers."""
        return schemas.Alive(status="ok", version=services.version)

    @doors.get("/readyz", responses={503: {"model": schemas.Problem}})
    async def ready() -> schemas.Ready:
        """New calls can be taken: not draining, and the database answers within a second."""
        if not services.switchboard.accepting:
            raise HTTPException(
                503, "The server is draining: it finishes the calls it has and takes no new ones."
            )
        if not await _database_answers(services):
            raise HTTPException(503, f"The database did not answer within {DATABASE_DEADLINE_S:g} s.")
        return schemas.Ready(status="ready")

    @doors.get("/api/v1/twilio/health")
    async def telephony() -> schemas.TwilioHealth:
        """Whether the carrier's requests can be verified, and how many calls are heard."""
        return schemas.TwilioHealth(
            status="ok",
            twilio_configured=services.carrier.is_configured,
            active_calls=services.switchboard.active_calls,
        )

    return doors


async def _database_answers(services: Services) -> bool:
    try:
        async with asyncio.timeout(DATABASE_DEADLINE_S), services.database.reading() as connection:
            await connection.execute(text("SELECT 1"))
    except Exception as error:
        log.warning("the database does not answer", extra={"error": type(error).__name__})
        return False
    return True
