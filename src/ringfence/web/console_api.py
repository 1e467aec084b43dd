"""What the console and other programs of an operator ask: signing in, calls now, calls kept, the audit log."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from ringfence.access.roles import Principal, Role
from ringfence.model.assessment import RiskLevel
from ringfence.model.calls import CallSid, CallStatus
from ringfence.model.errors import NotFound
from ringfence.model.history import CallQuery, CallRecord, Feedback
from ringfence.model.numbers import parse_e164
from ringfence.web import call_views, schemas
from ringfence.web.auth import Guard
from ringfence.web.byte_ranges import ranged
from ringfence.web.looks import Looks
from ringfence.web.problems import REFUSALS
from ringfence.web.services import Services

Sid = Annotated[str, Path(max_length=64, description="The carrier's id of the call.")]
NO_CALL = "There is no call with this id, or its term is over and it was deleted."
LINK_USED = (
    "This sign-in link was used, is older than 15 minutes, or is mistyped. `ringfence link` prints a new one."
)
KEY_WRONG = "This key is mistyped or was revoked. `ringfence keys create` makes a new one."


class CallFilter(BaseModel):
    """The query of the history, as it stands in the address."""

    model_config = ConfigDict(extra="forbid")

    cursor: str | None = Field(None, max_length=300)
    limit: int = Field(50, ge=1, le=200)
    level: schemas.RiskWord | None = Field(None, description="This level or above.")
    status: schemas.StatusWord | None = None
    q: str = Field("", max_length=200, description="Words that were said.")
    number: str | None = Field(None, max_length=40, description="Caller's or called, such as +15550100.")
    since: AwareDatetime | None = Field(None, description="Started then or later.")
    until: AwareDatetime | None = Field(None, description="Started before then.")

    @field_validator("number")
    @classmethod
    def _international(cls, value: str | None) -> str | None:
        # A plus sign that nobody encoded arrives as a space.
        number = parse_e164(f"+{value[1:]}" if value.startswith(" ") else value) if value else None
        if value and number is None:
            raise ValueError("write the number in international form, such as +15550100")
        return number

    def parsed(self) -> CallQuery:
        return CallQuery(
            since=self.since,
            until=self.until,
            number=self.number,
            min_level=RiskLevel[self.level.upper()] if self.level else None,
            status=CallStatus(self.status) if self.status else None,
            text=self.q.strip(),
            limit=self.limit,
            cursor=self.cursor,
        )

    def kinds(self) -> str:
        """By what it was searched, without the values: they may be numbers and words of people."""
        used = {
            "level": self.level,
            "status": self.status,
            "words": self.q,
            "number": self.number,
            "time": self.since or self.until,
        }
        return ", ".join(f"by {kind}" for kind, value in used.items() if value)


def router(services: Services, guard: Guard, looks: Looks) -> APIRouter:
    doors = APIRouter()
    doors.include_router(_signing_in(services, guard))
    doors.include_router(_calls(services, guard, looks))
    doors.include_router(_house(services, guard, looks))
    return doors


def _signing_in(services: Services, guard: Guard) -> APIRouter:
    doors = APIRouter(prefix="/api/v1/auth", tags=["signing in"])

    @doors.get("/me", responses=REFUSALS)
    async def me(principal: Annotated[Principal, Depends(guard.needs(Role.VIEWER))]) -> schemas.Me:
        """Who you are here."""
        return schemas.Me(name=principal.name, role=principal.role)

    @doors.post("/link", status_code=204, responses=REFUSALS)
    async def sign_in_with_link(body: schemas.LinkSignIn, request: Request, response: Response) -> None:
        """Trade a sign-in link's token, once, for a session cookie. No credentials needed but the token."""
        guard.refuse_foreign_browser(request)
        sign_in(request, response, await services.access.redeem_link(body.token), LINK_USED)

    @doors.post("/session", status_code=204, responses=REFUSALS)
    async def sign_in_with_key(body: schemas.KeySignIn, request: Request, response: Response) -> None:
        """Trade an API key for a session cookie. No credentials needed but the key."""
        guard.refuse_foreign_browser(request)
        sign_in(request, response, await services.access.open_session(body.key), KEY_WRONG)

    @doors.delete("/session", status_code=204, responses=REFUSALS)
    async def sign_out(request: Request, response: Response) -> None:
        """End the session of the cookie. Nothing happens without one."""
        guard.refuse_foreign_browser(request)
        if (token := guard.session_token(request)) is not None:
            await services.access.end_session(token)
            guard.drop_session(response)

    def sign_in(request: Request, response: Response, token: str | None, otherwise: str) -> None:
        if token is None:
            raise guard.wrong(request, otherwise)
        guard.set_session(response, token)

    return doors


def _calls(services: Services, guard: Guard, looks: Looks) -> APIRouter:
    doors = APIRouter(prefix="/api/v1", tags=["calls"])
    Viewer = Annotated[Principal, Depends(guard.needs(Role.VIEWER))]  # noqa: N806
    Operator = Annotated[Principal, Depends(guard.needs(Role.OPERATOR))]  # noqa: N806

    async def kept(call_sid: str) -> CallRecord:
        record = await services.calls.record(CallSid(call_sid))
        if record is None:
            raise NotFound(NO_CALL)
        return record

    @doors.get("/twilio/active-calls", responses=REFUSALS)
    async def active_calls(viewer: Viewer) -> schemas.ActiveCalls:
        """The calls that are heard at this moment."""
        await looks.note(viewer, "live.viewed", "")
        return schemas.ActiveCalls.model_validate({"calls": services.switchboard.active()})

    @doors.get("/calls", responses=REFUSALS)
    async def calls(viewer: Viewer, query: Annotated[CallFilter, Query()]) -> schemas.Calls:
        """Kept calls, newest first."""
        page = await services.calls.search(query.parsed())
        await looks.note(viewer, "history.searched", query.kinds())
        return schemas.Calls(
            calls=[call_views.summary(call) for call in page.calls], next_cursor=page.next_cursor
        )

    @doors.get("/calls/{call_sid}", responses={**REFUSALS, 404: {"model": schemas.Problem}})
    async def call(call_sid: Sid, viewer: Viewer) -> schemas.CallDetail:
        """Everything that is kept about one call."""
        record = await kept(call_sid)
        await looks.note(viewer, "call.viewed", f"call {record.call.id}")
        return call_views.detail(record)

    @doors.get(
        "/calls/{call_sid}/audio",
        response_class=Response,
        responses={
            **REFUSALS,
            200: {"content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}},
            206: {"description": "The stretch of the recording that `Range` asked for."},
            404: {"model": schemas.Problem},
            416: {"model": schemas.Problem},
        },
    )
    async def audio(call_sid: Sid, operator: Operator, request: Request) -> Response:
        """The recording, where audio is kept: caller on the left, protected person on the right."""
        record = await kept(call_sid)
        wav = await services.audio.wav(record.call.id)
        if wav is None:
            raise NotFound(
                "No audio is kept for this call. Recording is off unless RINGFENCE_KEEP_AUDIO is on."
            )
        await looks.note(operator, "call.heard", f"call {record.call.id}")
        return ranged(wav, "audio/wav", request.headers.get("range"))

    @doors.post(
        "/calls/{call_sid}/feedback",
        status_code=204,
        responses={**REFUSALS, 404: {"model": schemas.Problem}},
    )
    async def feedback(call_sid: Sid, body: schemas.GiveFeedback, operator: Operator) -> None:
        """Say what the call really was. It corrects no record; it measures how well calls are judged."""
        record = await kept(call_sid)
        now = services.clock.now()
        await services.calls.add_feedback(record.call.id, Feedback(body.label, operator.name, now))
        await services.audit.add(operator.name, f"call.labelled_{body.label}", f"call {record.call.id}", now)

    return doors


def _house(services: Services, guard: Guard, looks: Looks) -> APIRouter:
    doors = APIRouter(prefix="/api/v1", tags=["operation"])

    @doors.get("/audit", responses=REFUSALS)
    async def audit(
        admin: Annotated[Principal, Depends(guard.needs(Role.ADMIN))],
        after: Annotated[int, Query(ge=0, description="Entries after this one.")] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        verify: Annotated[bool, Query(description="Check the whole chain as well.")] = False,
    ) -> schemas.Audit:
        """Who looked at or changed what, oldest first."""
        await looks.note(admin, "audit.viewed", "")
        entries = await services.audit.entries(after, limit)
        return schemas.Audit(
            entries=[
                schemas.AuditEntry(
                    number=entry.number,
                    at=entry.at,
                    who=entry.who,
                    action=entry.action,
                    subject=entry.subject,
                    hash=entry.hash,
                )
                for entry in entries
            ],
            next_after=entries[-1].number if len(entries) == limit else None,
            intact=await services.audit.verify() if verify else None,
        )

    @doors.get("/stats", responses=REFUSALS, dependencies=[Depends(guard.needs(Role.VIEWER))])
    async def stats() -> schemas.Stats:
        """Counts over all kept calls."""
        return schemas.Stats.model_validate(
            {
                **await services.calls.stats(),
                "active_calls": services.switchboard.active_calls,
                "detector": services.detector_version,
            }
        )

    return doors
