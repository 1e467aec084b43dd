"""Every setting, with its unit, default and meaning; the only reader of environment and files.

Read from the environment, then `.env`, then `ringfence.toml`, in the working directory. Frozen after the
start. `docs/reference/settings.md` is made from this file.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ringfence.model.errors import ConfigurationError
from ringfence.model.numbers import parse_e164

PREFIX = "RINGFENCE_"
DOTENV_FILE = Path(".env")
TOML_FILE = Path("ringfence.toml")


def _names(*names: str) -> Any:
    return AliasChoices(*names)


_SWITCH = {
    "on": True,
    "true": True,
    "yes": True,
    "1": True,
    "off": False,
    "false": False,
    "no": False,
    "0": False,
}
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")  # BCP 47, as far as a line needs it


def _switch(value: object) -> object:
    word = str(value).strip().lower()
    if word not in _SWITCH:
        raise ValueError("write on or off")
    return _SWITCH[word]


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


Switch = Annotated[bool, BeforeValidator(_switch)]
Optional = BeforeValidator(_blank_is_none)


class Settings(BaseSettings):
    """See the module's docstring. Attribute names carry units; the names outside are in the aliases."""

    model_config = SettingsConfigDict(
        env_file=DOTENV_FILE,
        toml_file=TOML_FILE,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
        dotenv_filtering="only_existing",
    )

    # --- the ground
    home: Path = Field(
        Path("ringfence-data"),
        validation_alias=_names("RINGFENCE_HOME"),
        description="Folder of the embedded database and of generated secrets.",
    )
    database_url: SecretStr | None = Field(
        None,
        validation_alias=_names("RINGFENCE_DATABASE_URL"),
        description="`postgresql://…` to scale out; empty is an SQLite file in the home folder.",
    )
    redis_url: SecretStr | None = Field(
        None,
        validation_alias=_names("RINGFENCE_REDIS_URL"),
        description="`redis://…` for several workers. Not used by this version yet.",
    )
    base_url: str | None = Field(
        None,
        validation_alias=_names("BASE_URL", "PUBLIC_URL"),
        description="Public address that the carrier calls and signs; empty is `http://HOST:PORT`.",
    )
    host: str = Field("127.0.0.1", validation_alias=_names("HOST"), description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, validation_alias=_names("PORT"), description="Port to listen on.")
    media_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        validation_alias=_names("RINGFENCE_MEDIA_PORT"),
        description="A port of its own for the media socket (its faster listener); 0 takes any free one.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias=_names("RINGFENCE_TRUSTED_PROXIES"),
        description="Addresses, comma-separated, whose X-Forwarded-For is believed.",
    )

    # --- the carrier
    twilio_account_sid: str = Field(
        "",
        validation_alias=_names("TWILIO_ACCOUNT_SID", "TWILIO_SID"),
        description="The account that calls come from; needed for calls that the server places itself.",
    )
    twilio_auth_token: SecretStr | None = Field(
        None,
        validation_alias=_names("TWILIO_AUTH_TOKEN"),
        description="Verifies webhooks. Without it every webhook is refused.",
    )
    twilio_auth_token_secondary: SecretStr | None = Field(
        None,
        validation_alias=_names("TWILIO_AUTH_TOKEN_SECONDARY"),
        description="A second token that is accepted while the first is being rotated.",
    )
    twilio_phone_number: str = Field(
        "",
        validation_alias=_names("TWILIO_PHONE_NUMBER", "TWILIO_NUMBER"),
        description="Caller ID of calls that the server places itself. Not used by this version yet.",
    )
    twilio_alert_number: str = Field(
        "",
        validation_alias=_names("TWILIO_ALERT_NUMBER"),
        description="Sender of SMS alerts; empty is TWILIO_PHONE_NUMBER. Not used by this version yet.",
    )
    twilio_api_base_url: str = Field(
        "https://api.twilio.com",
        validation_alias=_names("TWILIO_API_BASE_URL", "TWILIO_API_BASE"),
        description="REST address of the carrier: another region, a compatible carrier. Not used by this version yet.",
    )

    # --- a call
    language: str = Field(
        "en",
        validation_alias=_names("RINGFENCE_LANGUAGE"),
        description="Language of the line, as a BCP-47 tag; `?language=` on a webhook's address overrides it.",
    )
    call_notice: Switch = Field(
        False,
        validation_alias=_names("RINGFENCE_CALL_NOTICE"),
        description="Tell the caller, in the line's language, that the call is monitored.",
    )
    connect_to: str | None = Field(
        None,
        validation_alias=_names("RINGFENCE_CONNECT_TO"),
        description="Number to ring and join to a call that came in; empty keeps the line open.",
    )
    max_calls: int = Field(
        500,
        ge=1,
        validation_alias=_names("RINGFENCE_MAX_CALLS"),
        description="Calls heard at once; more are connected unheard.",
    )
    drain_s: float = Field(
        20.0,
        ge=0,
        validation_alias=_names("RINGFENCE_DRAIN_S"),
        description="At a shutdown, live calls may go on for so many seconds.",
    )
    call_limit_s: int = Field(
        14_400,
        ge=60,
        validation_alias=_names("RINGFENCE_CALL_LIMIT_S"),
        description="Longest call that is heard, seconds.",
    )

    # --- speech
    speech_engine: str = Field(
        "auto",
        validation_alias=_names("RINGFENCE_SPEECH_ENGINE"),
        description="`auto`, or names in order of preference, comma-separated.",
    )
    speech_workers: int = Field(
        0,
        ge=0,
        validation_alias=_names("RINGFENCE_SPEECH_WORKERS"),
        description="Processes for local engines; 0 is one a core.",
    )
    review_engine: str = Field(
        "auto",
        validation_alias=_names("RINGFENCE_REVIEW_ENGINE"),
        description="Engine that hears a kept recording again after the call: `auto`, `whisper`, `none`.",
    )
    openai_api_key: SecretStr | None = Field(
        None,
        validation_alias=_names("OPENAI_API_KEY"),
        description="Lets `openai-realtime` hear and `openai:…` models analyse.",
    )
    openai_base_url: str = Field(
        "https://api.openai.com/v1",
        validation_alias=_names("OPENAI_BASE_URL"),
        description="Address of the OpenAI API, or of a gateway that speaks it.",
    )
    openai_transcription_model: str = Field(
        "gpt-live-transcribe",
        validation_alias=_names("RINGFENCE_OPENAI_TRANSCRIPTION_MODEL"),
        description="Model of the transcription session.",
    )
    whisper_model: str = Field(
        "whisper-small",
        validation_alias=_names("RINGFENCE_WHISPER_MODEL"),
        description="Name in `ringfence models list`, or a folder.",
    )
    sherpa_model: str = Field(
        "auto",
        validation_alias=_names("RINGFENCE_SHERPA_MODEL"),
        description="Name in `ringfence models list`, a folder, or `auto`: by language.",
    )

    # --- judgement
    anthropic_api_key: SecretStr | None = Field(
        None, validation_alias=_names("ANTHROPIC_API_KEY"), description="Lets `anthropic:…` models analyse."
    )
    anthropic_base_url: str = Field(
        "https://api.anthropic.com",
        validation_alias=_names("ANTHROPIC_BASE_URL"),
        description="Address of the Anthropic API, or of a gateway that speaks it.",
    )
    analyst: str = Field(
        "auto",
        validation_alias=_names("RINGFENCE_ANALYST"),
        description="Models of the live analyst (`anthropic:…`, `openai:…`, `ollama:…`), comma-separated in order, or `none`.",
    )
    final_analyst: str | None = Field(
        None,
        validation_alias=_names("RINGFENCE_FINAL_ANALYST"),
        description="Model of the final analysis; empty is the analyst.",
    )
    analysis_every: int = Field(
        3,
        ge=1,
        validation_alias=_names("RINGFENCE_ANALYSIS_EVERY"),
        description="Utterances between two live analyses.",
    )
    analyst_deadline_s: float = Field(
        8.0,
        gt=0,
        validation_alias=_names("RINGFENCE_ANALYST_DEADLINE_S"),
        description="Longest wait for a live analysis, seconds.",
    )
    analyst_call_budget_usd: float = Field(
        0.50,
        ge=0,
        validation_alias=_names("RINGFENCE_ANALYST_CALL_BUDGET_USD"),
        description="Spent on models for one call at most.",
    )
    analyst_day_budget_usd: float = Field(
        25.0,
        ge=0,
        validation_alias=_names("RINGFENCE_ANALYST_DAY_BUDGET_USD"),
        description="Spent on models in one day (UTC) at most.",
    )
    local_model_base_url: str = Field(
        "http://127.0.0.1:11434/v1",
        validation_alias=_names("OLLAMA_BASE_URL", "RINGFENCE_LOCAL_MODEL_BASE_URL"),
        description="OpenAI-compatible server for `ollama:…` models (Ollama, vLLM, llama.cpp).",
    )

    # --- data
    keep_audio: Switch = Field(
        False,
        validation_alias=_names("RINGFENCE_KEEP_AUDIO"),
        description="Keep calls' audio, encrypted, for the history.",
    )
    audio_retention_days: int = Field(
        30,
        ge=1,
        validation_alias=_names("RINGFENCE_AUDIO_RETENTION_DAYS"),
        description="Kept audio is deleted after so many days.",
    )
    call_retention_days: int = Field(
        365,
        ge=1,
        validation_alias=_names("RINGFENCE_CALL_RETENTION_DAYS"),
        description="Calls and transcripts are deleted after so many days.",
    )
    log_personal_data: Switch = Field(
        False,
        validation_alias=_names("RINGFENCE_LOG_PERSONAL_DATA"),
        description="Let words, numbers and names into the log.",
    )

    # --- promised by the public contract, used by parts that are still to come
    hangup_above: str = Field(
        "off",
        validation_alias=_names("RINGFENCE_HANGUP_ABOVE"),
        description="End the call above this fraud score, 0 to 100. Not used by this version yet.",
    )
    unmapped_alerts: Literal["operators", "broadcast"] = Field(
        "operators",
        validation_alias=_names("RINGFENCE_UNMAPPED_ALERTS"),
        description="Who gets an alert when no protected person is known. Not used by this version yet.",
    )
    max_distinct_national_ids: int = Field(
        3,
        ge=0,
        validation_alias=_names("MAX_DISTINCT_NATIONAL_IDS"),
        description="Different national ids one number may look up in a period. Not used by this version yet.",
    )
    screening_mode: Literal["inline", "background"] = Field(
        "inline",
        validation_alias=_names("RINGFENCE_SCREENING_MODE"),
        description="Whether a lookup is decided before its answer or after it. Not used by this version yet.",
    )
    national_id: str = Field(
        "any",
        validation_alias=_names("RINGFENCE_NATIONAL_ID"),
        description="Whose check digit is verified, such as `cl-rut`. Not used by this version yet.",
    )
    day_period_days: int = Field(
        1,
        ge=1,
        validation_alias=_names("DAY_PERIOD"),
        description="Length of the short period, days. Not used by this version yet.",
    )
    week_period_days: int = Field(
        7,
        ge=1,
        validation_alias=_names("WEEK_PERIOD"),
        description="Length of the middle period, days. Not used by this version yet.",
    )
    month_period_days: int = Field(
        30,
        ge=1,
        validation_alias=_names("MONTH_PERIOD"),
        description="Length of the long period, days. Not used by this version yet.",
    )

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not _is_http_address(value) or urlsplit(value).query or urlsplit(value).username:
            raise ValueError(
                "write it as https://calls.example.org, with an optional path, without user or query"
            )
        return value.rstrip("/")

    @field_validator("openai_base_url", "anthropic_base_url", "local_model_base_url", "twilio_api_base_url")
    @classmethod
    def _check_address(cls, value: str) -> str:
        if not _is_http_address(value):
            raise ValueError("write it as https://api.example.org, with an optional path")
        return value

    @field_validator("language")
    @classmethod
    def _check_language(cls, value: str) -> str:
        if not _LANGUAGE_TAG.fullmatch(value):
            raise ValueError("write it as a BCP-47 tag, such as en, es or es-419")
        return value

    @field_validator("hangup_above")
    @classmethod
    def _check_hangup_above(cls, value: str) -> str:
        if value != "off" and not re.fullmatch(r"[0-9]{1,2}|100", value):
            raise ValueError("write off, or a score from 0 to 100")
        return value

    @field_validator("connect_to")
    @classmethod
    def _check_connect_to(cls, value: str | None) -> str | None:
        if value and parse_e164(value) is None:
            raise ValueError("write it in international form, such as +15550100")
        return parse_e164(value) if value else None

    @property
    def public_url(self) -> str:
        """The address the carrier calls, without a slash at its end."""
        if self.base_url:
            return self.base_url
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        for source in (env_settings, dotenv_settings):
            # Attribute names are for code. Outside, HOME and LANGUAGE are other programs' variables.
            source.config = source.config | {"populate_by_name": False}
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**overrides: object) -> Settings:
    """Read everything once. Raises ConfigurationError that names the setting and the remedy."""
    _refuse_unknown_names()
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = outside_name(str(first["loc"][0])) if first["loc"] else "settings"
        raise ConfigurationError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None


def outside_name(attribute: str) -> str:
    """The name under which a setting is known outside: its first alias."""
    field = Settings.model_fields.get(attribute)
    alias = field.validation_alias if field else None
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else attribute


def known_names() -> frozenset[str]:
    """Every name outside, aliases included."""
    return frozenset(
        str(choice)
        for field in Settings.model_fields.values()
        if isinstance(field.validation_alias, AliasChoices)
        for choice in field.validation_alias.choices
    )


def _is_http_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # Not an address, or no port that there can be.
        return False


def _refuse_unknown_names() -> None:
    """A misspelt setting must not be passed over in silence. Other programs' names are left alone."""
    known = known_names()
    file = DOTENV_FILE
    try:
        in_dotenv = dotenv_values(file)
        file = TOML_FILE
        in_file = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: it is no UTF-8 text; save it as UTF-8, or remove it") from None
    except (tomllib.TOMLDecodeError, OSError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {error}; correct it, or remove it") from None
    ours = [name for name in (*os.environ, *in_dotenv) if name.startswith(PREFIX)]
    for name in (*ours, *in_file):
        if name not in known:
            raise ConfigurationError(
                f"{name}: there is no such setting; see docs/reference/settings.md for the names, or remove it"
            )
