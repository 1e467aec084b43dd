"""Analysts of any vendor that pydantic-ai speaks to: Anthropic, OpenAI, and OpenAI-compatible servers of one's own.

One question is one HTTP request: no tools, no retries by the SDKs, a reply that is validated and repaired once,
then given up with a ProviderError. Formats: Anthropic Messages, OpenAI Responses and Chat Completions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from anthropic import AsyncAnthropic, Omit
from openai import AsyncOpenAI
from pydantic import BaseModel, ConfigDict, Field
from pydantic_ai import Agent, NativeOutput, capture_run_messages
from pydantic_ai.exceptions import AgentRunError, ModelAPIError, ModelHTTPError, UserError
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.ollama import OllamaModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

from ringfence.contracts import Brief
from ringfence.detection import brief as briefing
from ringfence.model.assessment import AnalystReport
from ringfence.model.errors import ProviderError

OPENAI_OWN_HOST = "api.openai.com"
MAX_ANSWER_TOKENS = 1200
UNKNOWN_PRICE_USD_PER_TOKEN = (3e-6, 15e-6)
"""Input and output, for models without a published price: the middle class of 2026, rather too much."""
NOT_FOUND = 404
RETRYABLE_STATUSES = frozenset({408, 409, 429, 500, 502, 503, 504, 529})


class Finding(BaseModel):
    """One sign of fraud."""

    model_config = ConfigDict(extra="ignore")

    label: str = Field(description="Short label in the language of the call.")
    quote: str = Field(description="The words that show it, copied exactly from one turn.")


class Reply(BaseModel):
    """The judgement."""

    model_config = ConfigDict(extra="ignore")

    risk_score: float = Field(description="0 to 100.")
    scam_type: str = Field(description="A few words, or empty.")
    indicators: list[Finding]
    explanation: str
    suggested_action: str
    uncertain: bool


@dataclass(frozen=True, slots=True)
class Access:
    """Where a vendor is reached. Addresses without a slash at the end."""

    base_url: str
    api_key: str
    timeout_s: float


class PydanticAiAnalyst:
    """One model. Close it when done: it keeps connections."""

    def __init__(
        self,
        name: str,
        models: Sequence[Model],
        close: Callable[[], Any],
        *,
        is_local: bool = False,
        settings: ModelSettings | None = None,
    ) -> None:
        self.name = name
        self._models = list(models)
        self._close = close
        self._is_local = is_local
        self._settings = settings or ModelSettings(max_tokens=MAX_ANSWER_TOKENS)
        self._owed_usd = 0.0

    async def analyse(self, brief: Brief) -> AnalystReport:
        """Raises ProviderError."""
        while True:
            model = self._models[0]
            try:
                return await self._ask(model, brief)
            except ModelHTTPError as error:
                if error.status_code == NOT_FOUND and len(self._models) > 1:
                    # The server speaks the other of the two formats.
                    self._models.pop(0)
                    continue
                raise ProviderError(
                    f"{self.name} answered with status {error.status_code}",
                    retryable=error.status_code in RETRYABLE_STATUSES,
                ) from None
            except ModelAPIError as error:
                raise ProviderError(
                    f"{self.name} did not answer ({type(error).__name__})", retryable=True
                ) from None
            except (AgentRunError, UserError, ValueError) as error:
                # Nonsense twice, a refusal, a reply cut off: its words stay out of the message.
                raise ProviderError(f"{self.name} gave no usable reply ({type(error).__name__})") from None

    async def aclose(self) -> None:
        await self._close()

    async def _ask(self, model: Model, brief: Brief) -> AnalystReport:
        language = brief.language or brief.judgement.language
        agent = Agent(
            model,
            output_type=_output_type(model),
            instructions=briefing.instructions(language),
            retries={"output": 1, "tools": 0},
            model_settings=self._settings,
        )
        with capture_run_messages() as messages:
            try:
                result = await agent.run(briefing.question(brief))
            except BaseException:
                self._owed_usd += self._cost_usd(messages)
                raise
        reply = result.output
        owed, self._owed_usd = self._owed_usd, 0.0
        return briefing.believe(
            brief,
            risk_score=reply.risk_score,
            scam_type=reply.scam_type,
            indicators=[(finding.label, finding.quote) for finding in reply.indicators],
            explanation=reply.explanation,
            suggested_action=reply.suggested_action,
            model=self.name,
            cost_usd=owed + self._cost_usd(messages),
        )

    def _cost_usd(self, messages: Sequence[ModelMessage]) -> float:
        """What the answers cost, those of failed attempts included."""
        if self._is_local:
            return 0.0
        return sum(_price_usd(message) for message in messages if isinstance(message, ModelResponse))


def _output_type(model: Model) -> NativeOutput[Reply] | type[Reply]:
    """The vendor's own structured output where the model has it, else one forced output form."""
    return NativeOutput(Reply) if model.profile.get("supports_json_schema_output") else Reply


def _price_usd(response: ModelResponse) -> float:
    try:
        return float(response.cost().total_price)
    except (LookupError, ValueError, AssertionError):
        input_price, output_price = UNKNOWN_PRICE_USD_PER_TOKEN
        return response.usage.input_tokens * input_price + response.usage.output_tokens * output_price


def open_anthropic(model: str, access: Access) -> PydanticAiAnalyst:
    client = AsyncAnthropic(
        api_key=access.api_key,
        base_url=access.base_url,
        timeout=access.timeout_s,
        max_retries=0,
        # The documented header; the SDK's own choice of a bearer token is not what every compatible server takes.
        default_headers={"x-api-key": access.api_key, "authorization": Omit()},  # type: ignore[dict-item]
    )
    provider = AnthropicProvider(anthropic_client=client)
    return PydanticAiAnalyst(
        f"anthropic:{model}",
        [AnthropicModel(model, provider=provider)],
        client.close,
        settings=ModelSettings(max_tokens=MAX_ANSWER_TOKENS, thinking=False),
    )


def open_openai(model: str, access: Access, *, form: str = "") -> PydanticAiAnalyst:
    """`form`: `chat` or `responses`; otherwise Responses at OpenAI itself, Chat Completions elsewhere,
    and the other one where the server does not know the first."""
    client = AsyncOpenAI(
        api_key=access.api_key, base_url=access.base_url, timeout=access.timeout_s, max_retries=0
    )
    provider = OpenAIProvider(openai_client=client)
    responses = OpenAIResponsesModel(model, provider=provider)
    chat = OpenAIChatModel(model, provider=provider)
    if form:
        models: list[Model] = [chat if form == "chat" else responses]
    else:
        models = [responses, chat] if OPENAI_OWN_HOST in access.base_url else [chat, responses]
    return PydanticAiAnalyst(
        f"openai:{model}",
        models,
        client.close,
        settings=ModelSettings(max_tokens=MAX_ANSWER_TOKENS, thinking=False),
    )


def open_local(model: str, access: Access) -> PydanticAiAnalyst:
    """A server of one's own that speaks OpenAI's Chat Completions: Ollama, vLLM, llama.cpp."""
    client = AsyncOpenAI(
        api_key=access.api_key, base_url=access.base_url, timeout=access.timeout_s, max_retries=0
    )
    provider = OllamaProvider(openai_client=client)
    return PydanticAiAnalyst(
        f"ollama:{model}", [OllamaModel(model, provider=provider)], client.close, is_local=True
    )
