"""Analysts over real HTTP, against a server that speaks the vendors' documented formats."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar

import pytest
from anthropic.types import message_create_params
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params
from pydantic import TypeAdapter

from ringfence.contracts import Analyst, Brief
from ringfence.detection.analysts.pydantic_ai import (
    Access,
    PydanticAiAnalyst,
    open_anthropic,
    open_local,
    open_openai,
)
from ringfence.model.assessment import AnalystReport
from ringfence.model.errors import ProviderError
from ringfence.testing.conformance import AnalystConformance

pytestmark = pytest.mark.unit

Opener = Callable[[str, float], PydanticAiAnalyst]
VENDORS: dict[str, tuple[Opener, str, Any]] = {
    "anthropic": (
        lambda url, timeout_s: open_anthropic("claude-haiku-5-5", Access(url, "key-a", timeout_s)),
        "/v1/messages",
        message_create_params.MessageCreateParamsNonStreaming,
    ),
    "openai-responses": (
        lambda url, timeout_s: open_openai(
            "gpt-6-luna", Access(f"{url}/v1", "key-o", timeout_s), form="responses"
        ),
        "/v1/responses",
        response_create_params.ResponseCreateParamsNonStreaming,
    ),
    "openai-chat": (
        lambda url, timeout_s: open_openai(
            "gpt-6-luna", Access(f"{url}/v1", "key-o", timeout_s), form="chat"
        ),
        "/v1/chat/completions",
        completion_create_params.CompletionCreateParamsNonStreaming,
    ),
    "own-server": (
        lambda url, timeout_s: open_local("llama3.2", Access(f"{url}/v1", "none", timeout_s)),
        "/v1/chat/completions",
        completion_create_params.CompletionCreateParamsNonStreaming,
    ),
}


def ask(
    opener: Opener, url: str, brief: Brief, timeout_s: float = 5.0, times: int = 1
) -> list[AnalystReport | ProviderError]:
    async def run() -> list[AnalystReport | ProviderError]:
        analyst = opener(url, timeout_s)
        answers: list[AnalystReport | ProviderError] = []
        try:
            for _ in range(times):
                try:
                    answers.append(await analyst.analyse(brief))
                except ProviderError as error:
                    answers.append(error)
        finally:
            await analyst.aclose()
        return answers

    return asyncio.run(run())


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> tuple[Opener, str, Any]:
    return VENDORS[request.param]


def test_a_reply_becomes_a_report(
    vendor: tuple[Opener, str, Any], model_server: Any, bank_brief: Brief
) -> None:
    (report,) = ask(vendor[0], model_server.url, bank_brief)
    assert isinstance(report, AnalystReport)
    assert report.score == 0.91
    assert report.indicators == (("Asks for a code", "read me the code"),)
    assert report.explanation == "The caller asks for a one-time code."
    assert len(model_server.requests) == 1


def test_the_request_is_as_the_vendor_documents_it(
    vendor: tuple[Opener, str, Any], model_server: Any, bank_brief: Brief
) -> None:
    ask(vendor[0], model_server.url, bank_brief)
    path, _, body = model_server.requests[0]
    assert path == vendor[1]
    TypeAdapter(vendor[2]).validate_python(body)
    assert not body.get("tools")


def test_anthropic_is_sent_its_headers_a_schema_and_a_token_limit(
    model_server: Any, bank_brief: Brief
) -> None:
    ask(VENDORS["anthropic"][0], model_server.url, bank_brief)
    _, headers, body = model_server.requests[0]
    assert headers["x-api-key"] == "key-a"
    assert "authorization" not in headers
    assert headers["anthropic-version"][:4].isdigit()
    assert body["max_tokens"] > 0
    assert body["output_config"]["format"]["type"] == "json_schema"


def test_openai_is_sent_a_strict_schema(
    model_server: Any, bank_brief: Brief, judge_by_openai: Callable[[str, Any], None]
) -> None:
    ask(VENDORS["openai-chat"][0], model_server.url, bank_brief)
    ask(VENDORS["openai-responses"][0], model_server.url, bank_brief)
    (_, headers, chat), (_, _, responses) = model_server.requests
    assert headers["authorization"] == "Bearer key-o"
    wanted = chat["response_format"]["json_schema"]
    assert wanted["strict"] is True
    assert wanted["schema"]["additionalProperties"] is False
    assert set(wanted["schema"]["required"]) == set(wanted["schema"]["properties"])
    assert responses["text"]["format"]["strict"] is True
    judge_by_openai("CreateChatCompletionRequest", chat)
    judge_by_openai("CreateResponse", responses)


def test_hostile_words_stay_inside_their_delimiters(
    vendor: tuple[Opener, str, Any], model_server: Any, bank_brief: Brief
) -> None:
    ask(vendor[0], model_server.url, bank_brief)
    sent = str(model_server.requests[0][2])
    assert sent.count("</transcript>") == 2  # once in the instructions, once at the end of the transcript
    assert "‹/transcript›" in sent


@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_fault_of_the_vendor_is_one_retryable_error_and_one_request(
    vendor: tuple[Opener, str, Any], model_server: Any, bank_brief: Brief, status: int
) -> None:
    model_server.answers[:] = [type(model_server.answers[0])(status=status, headers={"retry-after": "30"})]
    (error,) = ask(vendor[0], model_server.url, bank_brief)
    assert isinstance(error, ProviderError)
    assert error.retryable
    assert len(model_server.requests) == 1


def test_a_refused_key_is_not_worth_a_retry(
    vendor: tuple[Opener, str, Any], model_server: Any, bank_brief: Brief
) -> None:
    model_server.answers[0].status = 401
    (error,) = ask(vendor[0], model_server.url, bank_brief)
    assert isinstance(error, ProviderError)
    assert not error.retryable
    assert "key-" not in str(error)


def test_nonsense_is_sent_back_once_and_may_be_repaired(
    vendor: tuple[Opener, str, Any], model_server: Any, bank_brief: Brief
) -> None:
    good = model_server.answers[0]
    model_server.answers[:] = [type(good)(reply="I think it is quite risky."), good]
    (report,) = ask(vendor[0], model_server.url, bank_brief)
    assert isinstance(report, AnalystReport)
    assert len(model_server.requests) == 2


def test_nonsense_twice_is_given_up(
    vendor: tuple[Opener, str, Any], model_server: Any, bank_brief: Brief
) -> None:
    model_server.answers[0].reply = '{"risk_score": "very"}'
    (error,) = ask(vendor[0], model_server.url, bank_brief)
    assert isinstance(error, ProviderError)
    assert len(model_server.requests) == 2


@pytest.mark.parametrize("stop", ["refusal", "length"])
def test_a_refusal_or_a_reply_cut_off_is_no_verdict(
    vendor: tuple[Opener, str, Any], model_server: Any, bank_brief: Brief, stop: str
) -> None:
    model_server.answers[0].stop = stop
    if stop == "length":
        model_server.answers[0].reply = '{"risk_score": 3, "scam_ty'
    (error,) = ask(vendor[0], model_server.url, bank_brief)
    assert isinstance(error, ProviderError)


def test_a_slow_vendor_is_given_up_in_time(
    vendor: tuple[Opener, str, Any], model_server: Any, bank_brief: Brief
) -> None:
    model_server.answers[0].delay_s = 20
    (error,) = ask(vendor[0], model_server.url, bank_brief, timeout_s=0.2)
    assert isinstance(error, ProviderError)
    assert error.retryable


def test_nobody_listening_is_a_retryable_error(vendor: tuple[Opener, str, Any], bank_brief: Brief) -> None:
    (error,) = ask(vendor[0], "http://127.0.0.1:9", bank_brief)
    assert isinstance(error, ProviderError)
    assert error.retryable


def test_scores_out_of_range_are_clamped(model_server: Any, bank_brief: Brief) -> None:
    scores = []
    for given in (1000, -5, 0.4, 100):
        model_server.answers[0].reply["risk_score"] = given
        (report,) = ask(VENDORS["anthropic"][0], model_server.url, bank_brief)
        assert isinstance(report, AnalystReport)
        scores.append(report.score)
    assert scores == [1.0, 0.0, 0.4, 1.0]


def test_a_published_price_is_charged_and_ones_own_server_is_free(
    model_server: Any, bank_brief: Brief
) -> None:
    (paid,) = ask(VENDORS["anthropic"][0], model_server.url, bank_brief)
    (free,) = ask(VENDORS["own-server"][0], model_server.url, bank_brief)
    assert isinstance(paid, AnalystReport)
    assert isinstance(free, AnalystReport)
    assert 0.0001 < paid.cost_usd < 0.01
    assert free.cost_usd == 0


def test_a_model_without_a_price_is_charged_an_estimate(model_server: Any, bank_brief: Brief) -> None:
    def opener(url: str, timeout_s: float) -> PydanticAiAnalyst:
        return open_openai("invented-7", Access(f"{url}/v1", "k", timeout_s))

    (report,) = ask(opener, model_server.url, bank_brief)
    assert isinstance(report, AnalystReport)
    assert report.cost_usd == pytest.approx(1000 * 3e-6 + 200 * 15e-6)


def test_what_a_failed_question_cost_is_charged_to_the_next_report(
    model_server: Any, bank_brief: Brief
) -> None:
    good = model_server.answers[0]
    bad = type(good)(reply="no json")
    model_server.answers[:] = [bad, bad, good]
    failed, report = ask(VENDORS["anthropic"][0], model_server.url, bank_brief, times=2)
    model_server.answers[:] = [good]
    (single,) = ask(VENDORS["anthropic"][0], model_server.url, bank_brief)
    assert isinstance(failed, ProviderError)
    assert isinstance(report, AnalystReport)
    assert isinstance(single, AnalystReport)
    assert report.cost_usd == pytest.approx(3 * single.cost_usd)


@pytest.mark.parametrize("missing", ["/v1/chat/completions", "/v1/responses"])
def test_a_server_that_speaks_one_openai_format_only_is_understood(
    model_server: Any, bank_brief: Brief, missing: str
) -> None:
    model_server.unknown_paths.add(missing)

    def opener(url: str, timeout_s: float) -> PydanticAiAnalyst:
        return open_openai("gpt-6-luna", Access(f"{url}/v1", "k", timeout_s))

    answers = ask(opener, model_server.url, bank_brief, times=2)
    assert all(isinstance(answer, AnalystReport) for answer in answers)
    assert [path for path, _, _ in model_server.requests].count(missing) <= 1


class TestAnthropicAnalyst(AnalystConformance):
    """The promises of every analyst, over Anthropic Messages."""

    vendor: ClassVar[str] = "anthropic"

    @pytest.fixture(autouse=True)
    def _server(self, model_server: Any) -> None:
        self.server = model_server

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Analyst]:
        analyst = VENDORS[self.vendor][0](self.server.url, 5.0)
        try:
            yield analyst
        finally:
            await analyst.aclose()

    def answering(self) -> AbstractAsyncContextManager[Analyst]:
        return self._open()

    def failing(self) -> AbstractAsyncContextManager[Analyst]:
        self.server.answers[0].reply = "I would rather talk about the weather."
        return self._open()


class TestOwnServerAnalyst(TestAnthropicAnalyst):
    """The same over Chat Completions of a server of one's own."""

    vendor: ClassVar[str] = "own-server"
