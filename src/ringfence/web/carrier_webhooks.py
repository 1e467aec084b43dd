"""The carrier's webhooks: a call rings, a call's status, a stream's status.

The signature comes first; before it nothing is read into meaning. A call is never lost to a fault of ours: where
the switchboard fails or takes too long, the answer connects the call unheard.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ringfence.contracts import Carrier, FormFields, WebhookRequest
from ringfence.model.calls import CallInstructions, CallStatusChanged, IncomingCall, StreamStatusChanged
from ringfence.model.errors import WireFormatError
from ringfence.web.carrier_requests import note_refusal, raw_headers, raw_target
from ringfence.web.problems import problem

log = logging.getLogger(__name__)

PREFIX = "/api/v1/twilio"
MAX_BODY_BYTES = 64 * 1024
BODY_WITHIN_S = 5.0
ANSWER_WITHIN_S = 2.0
"""The caller hears nothing while the switchboard thinks; Twilio itself would wait 15 s."""
NOTE_WITHIN_S = 5.0

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")  # BCP-47, as far as a line needs it

T = TypeVar("T")


class Switchboard(Protocol):
    """What these doors need of `monitoring.switchboard.Switchboard`."""

    async def answer(self, incoming: IncomingCall, *, language: str | None = None) -> CallInstructions: ...

    def unheard(self, *, language: str | None = None) -> CallInstructions: ...

    async def call_status(self, change: CallStatusChanged) -> None: ...

    async def stream_status(self, change: StreamStatusChanged) -> None: ...


class Doors(Protocol):
    """What these doors need of `web.services.Services`."""

    @property
    def carrier(self) -> Carrier: ...

    @property
    def switchboard(self) -> Switchboard: ...


class Refused(Exception):
    """The answer that a request gets instead of being acted upon."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def router(services: Doors) -> APIRouter:
    """`POST /api/v1/twilio/incoming-call`, `…/call-status`, `…/stream-status`; only the carrier may."""
    doors = APIRouter(prefix=PREFIX, tags=["carrier"])
    carrier, switchboard = services.carrier, services.switchboard

    @doors.post("/incoming-call", response_class=Response, responses=_ANSWERS)
    async def incoming_call(request: Request) -> Response:
        """A call rings: the answer tells the carrier to fork its audio to us and to connect it."""
        try:
            form = await _signed_form(carrier, request)
            incoming = _read(carrier.read_incoming_call, form)
        except Refused as refused:
            return refused.answer
        language = _asked_language(request)
        instructions = switchboard.unheard(language=language)
        try:
            instructions = await _within(ANSWER_WITHIN_S, switchboard.answer(incoming, language=language))
            document = carrier.render(instructions)
        except Exception as error:
            log.error(
                "a call is connected without being heard: the switchboard failed",
                extra={"error": type(error).__name__},
            )
            document = carrier.render(switchboard.unheard(language=language))
        return Response(document, media_type="application/xml")

    @doors.post("/call-status", status_code=204, response_class=Response, responses=_REFUSALS)
    async def call_status(request: Request) -> Response:
        """A call has moved on. Repeated and late callbacks change nothing."""
        try:
            form = await _signed_form(carrier, request)
            change = _read(carrier.read_call_status, form)
        except Refused as refused:
            return refused.answer
        return await _note(switchboard.call_status(change))

    @doors.post("/stream-status", status_code=204, response_class=Response, responses=_REFUSALS)
    async def stream_status(request: Request) -> Response:
        """A media stream has started, stopped or failed."""
        try:
            form = await _signed_form(carrier, request)
            change = _read(carrier.read_stream_status, form)
        except Refused as refused:
            return refused.answer
        return await _note(switchboard.stream_status(change))

    return doors


async def _signed_form(carrier: Carrier, request: Request) -> FormFields:
    body = await _body(request)
    webhook = WebhookRequest(request.method, raw_target(request.scope), raw_headers(request.scope), body)
    if not carrier.verify(webhook):
        note_refusal(request.scope["path"])
        raise Refused(problem(403, "Only the carrier may call this address, and it signs what it sends."))
    return _read(carrier.read_form, webhook)


async def _body(request: Request) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise Refused(problem(413, f"A webhook has at most {MAX_BODY_BYTES} bytes."))
    except TimeoutError:
        raise Refused(problem(408, "The request's body did not arrive in time.")) from None
    return body


def _read(reader: Callable[[Any], T], given: object) -> T:
    try:
        return reader(given)
    except WireFormatError as error:
        # The carrier signed it: worth a line in the log, without a word of what it says.
        log.warning("a signed webhook could not be read", extra={"reason": str(error)})
        raise Refused(problem(422, f"The request could not be read: {error}.")) from None


async def _note(noting: Coroutine[Any, Any, None]) -> Response:
    """Told once is enough for the carrier: it repeats nothing, and a fault of ours is none of its."""
    try:
        await _within(NOTE_WITHIN_S, noting)
    except Exception as error:
        log.error("a status of the carrier could not be noted", extra={"error": type(error).__name__})
    return Response(status_code=204)


async def _within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result, or TimeoutError when the time is up, to the moment: a database connection that hangs takes
    seconds to be given up, for which the carrier does not wait."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            _given_up.add(task)
            task.add_done_callback(_forget)
    if not task.done():
        raise TimeoutError
    return task.result()


_given_up: set[asyncio.Task[Any]] = set()


def _forget(task: asyncio.Task[Any]) -> None:
    _given_up.discard(task)
    if not task.cancelled():
        task.exception()  # Nobody is there any more to be told.


def _asked_language(request: Request) -> str | None:
    """`?language=es` in the webhook's own address, where a line speaks another language than the server's."""
    asked = parse_qs(raw_target(request.scope).partition("?")[2]).get("language", [""])[0]
    return asked if _LANGUAGE.fullmatch(asked) else None


_REFUSALS: dict[int | str, dict[str, Any]] = {
    403: {"description": "Not signed by the carrier"},
    413: {"description": "Larger than any webhook"},
    422: {"description": "Signed, but not what a webhook says"},
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "TwiML", "content": {"application/xml": {"schema": {"type": "string"}}}},
    **_REFUSALS,
}
