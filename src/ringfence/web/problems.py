"""Every error as a problem document (RFC 9457), with a sentence that helps; never a stack trace.

Doors raise `HTTPException` with such a sentence, or one of the errors of `model.errors`; here they become answers.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from ringfence.model.errors import Conflict, NotFound, WireFormatError
from ringfence.web.schemas import FieldProblem, Problem

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
BROKEN = "Something of ours broke. It is in the server's log; asking again may help."
STORE_DOWN = (
    "The store does not answer just now. Ask again in a moment; `ringfence doctor` says what is wrong."
)
NOTHING_HERE = "There is nothing at this address. `/docs` lists what there is."


def problem(
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: list[FieldProblem] | None = None,
) -> JSONResponse:
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors)
    return JSONResponse(
        body.model_dump(exclude_none=True), status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def install(app: FastAPI) -> None:
    """Answer every error that a door raises. What nobody foresaw is caught further out, by `hardening`."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, _sentence(request, error), headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(
            422,
            "Parts of the request are not as they should be; `errors` names them.",
            errors=[
                FieldProblem(where=".".join(map(str, fault["loc"])), problem=fault["msg"])
                for fault in error.errors()
            ],
        )

    @app.exception_handler(NotFound)
    async def not_found(request: Request, error: NotFound) -> JSONResponse:
        return problem(404, str(error))

    @app.exception_handler(WireFormatError)
    async def unreadable(request: Request, error: WireFormatError) -> JSONResponse:
        return problem(422, str(error))

    @app.exception_handler(Conflict)
    async def conflict(request: Request, error: Conflict) -> JSONResponse:
        return problem(409, str(error))

    @app.exception_handler(SQLAlchemyError)
    @app.exception_handler(TimeoutError)
    async def store_down(request: Request, error: Exception) -> JSONResponse:
        log.error("the store failed a request", extra={"error": type(error).__name__})
        return problem(503, STORE_DOWN, headers={"Retry-After": "5"})


def _sentence(request: Request, error: HTTPException) -> str:
    """The door's own words, or better ones than the bare name of the status."""
    if error.detail != HTTPStatus(error.status_code).phrase:
        return str(error.detail)
    if error.status_code == 404:
        return NOTHING_HERE
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return f"{request.method} is not possible here; use {allowed}."
    if error.status_code == 413:
        return "The request is larger than anything we expect here."
    return str(error.detail)


REFUSALS: dict[int | str, dict[str, object]] = {
    401: {"description": "Wrong or missing credentials", "model": Problem},
    403: {"description": "The role is too low, or another origin asked", "model": Problem},
    429: {"description": "Too many wrong credentials from this address", "model": Problem},
}
"""What a guarded door may answer besides its own; for the API description."""
