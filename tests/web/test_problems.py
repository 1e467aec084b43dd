"""Every error becomes a problem that helps; none shows our insides."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from ringfence.model.errors import Conflict, NotFound, WireFormatError
from ringfence.web import problems
from ringfence.web.hardening import Hardening
from ringfence.web.schemas import Problem

pytestmark = pytest.mark.unit

CANARY = "canary 4111 1111"


def answer_to(error: Exception) -> httpx.Response:
    app = FastAPI(openapi_url=None)
    problems.install(app)
    app.add_middleware(Hardening, is_https=False)

    @app.get("/")
    async def door() -> None:
        raise error

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get("/")

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (HTTPException(404, "There is no such call."), 404, "There is no such call."),
        (HTTPException(404), 404, "/docs"),
        (NotFound("There is no call with this id."), 404, "There is no call with this id."),
        (Conflict("It is so already."), 409, "It is so already."),
        (WireFormatError("The cursor is not one of ours."), 422, "The cursor is not one of ours."),
        (OperationalError(CANARY, {}, OSError(CANARY)), 503, "ringfence doctor"),
        (TimeoutError(CANARY), 503, "ringfence doctor"),
        (ZeroDivisionError(CANARY), 500, "log"),
        (HTTPException(429, "Later.", {"Retry-After": "7"}), 429, "Later."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_is_told_in_a_sentence_and_nothing_more(
    error: Exception, status: int, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = answer_to(error)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.text)
    assert (problem.type, problem.status) == ("about:blank", status)
    assert says in problem.detail
    assert CANARY not in answer.text
    assert "Traceback" not in answer.text
    assert CANARY not in caplog.text


def test_headers_of_a_refusal_reach_the_asker() -> None:
    assert answer_to(HTTPException(429, "Later.", {"Retry-After": "7"})).headers["Retry-After"] == "7"
