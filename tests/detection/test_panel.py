"""Which analysts the settings open, and who stands in for whom."""

import asyncio
from typing import Any

import pytest

from ringfence.contracts import Brief
from ringfence.detection.panel import AUTO_ANTHROPIC, AUTO_OPENAI, AnalystChoice, Panel, open_analyst
from ringfence.model.assessment import AnalystReport
from ringfence.model.errors import ConfigurationError, ProviderError

pytestmark = pytest.mark.unit


def ask(panel: Panel | None, brief: Brief) -> AnalystReport | ProviderError:
    assert panel is not None

    async def run() -> AnalystReport | ProviderError:
        try:
            return await panel.analyse(brief)
        except ProviderError as error:
            return error
        finally:
            await panel.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        (AnalystChoice("none"), None),
        (AnalystChoice(""), None),
        (AnalystChoice("auto"), None),
        (AnalystChoice("none", anthropic_api_key="k"), None),
        (AnalystChoice("auto", anthropic_api_key="k"), f"anthropic:{AUTO_ANTHROPIC}"),
        (AnalystChoice("auto", openai_api_key="k"), f"openai:{AUTO_OPENAI}"),
        (
            AnalystChoice("auto", anthropic_api_key="k", openai_api_key="k"),
            f"anthropic:{AUTO_ANTHROPIC},openai:{AUTO_OPENAI}",
        ),
        (AnalystChoice("ollama:llama3.2:3b"), "ollama:llama3.2:3b"),
    ],
)
def test_the_settings_choose_the_analyst(choice: AnalystChoice, name: str | None) -> None:
    panel = open_analyst(choice)
    assert (panel.name if panel else None) == name


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (AnalystChoice("anthropic:claude-haiku-5-5"), "ANTHROPIC_API_KEY"),
        (AnalystChoice("openai:gpt-6-luna"), "OPENAI_API_KEY"),
        (AnalystChoice("oracle:delphi"), "RINGFENCE_ANALYST: 'oracle:delphi'"),
        (AnalystChoice("claude"), "anthropic:MODEL"),
        (AnalystChoice("anthropic:", anthropic_api_key="k"), "RINGFENCE_ANALYST"),
        (AnalystChoice("oracle:delphi", setting="RINGFENCE_FINAL_ANALYST"), "RINGFENCE_FINAL_ANALYST: "),
        (AnalystChoice("openai:gpt-6-luna", setting="--analyst"), "but --analyst asks for"),
    ],
)
def test_a_wrong_choice_is_told_with_its_remedy(choice: AnalystChoice, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words.replace(":", ".")):
        open_analyst(choice)


def chain(model_server: Any, deadline_s: float = 5.0) -> Panel | None:
    return open_analyst(
        AnalystChoice(
            "anthropic:claude-haiku-5-5, ollama:llama3.2",
            anthropic_api_key="k",
            anthropic_base_url=model_server.url,
            local_base_url=f"{model_server.url}/v1",
            deadline_s=deadline_s,
        )
    )


def test_the_next_analyst_answers_when_the_first_fails(model_server: Any, bank_brief: Brief) -> None:
    good = model_server.answers[0]
    model_server.answers[:] = [type(good)(status=500), good]
    report = ask(chain(model_server), bank_brief)
    assert isinstance(report, AnalystReport)
    assert report.model == "ollama:llama3.2"


def test_a_slow_analyst_leaves_time_for_the_next(model_server: Any, bank_brief: Brief) -> None:
    good = model_server.answers[0]
    model_server.answers[:] = [type(good)(delay_s=30), good]
    report = ask(chain(model_server, deadline_s=3.0), bank_brief)
    assert isinstance(report, AnalystReport)
    assert report.model == "ollama:llama3.2"


def test_when_all_fail_every_fault_is_told(model_server: Any, bank_brief: Brief) -> None:
    model_server.answers[0].status = 503
    error = ask(chain(model_server), bank_brief)
    assert isinstance(error, ProviderError)
    assert "anthropic" in str(error)
    assert "ollama" in str(error)
