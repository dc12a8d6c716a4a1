"""The shape of the configuration: every setting, its kind, its limits and its default."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo

from bot.config.approvals import ApprovalsConfig, ToolConfig
from bot.config.effective import EffectiveValue, effective_values, leaves
from bot.config.email import EmailConfig
from bot.config.jobs import JobConfig
from bot.config.people import Person
from bot.config.problems import Problem
from bot.config.section import Loaded, Section, folder_of
from bot.config.values import (
    DatabaseUrl,
    Domain,
    EnvName,
    HostName,
    HttpUrl,
    Language,
    Lasting,
    Line,
    LogFormat,
    LogLevel,
    PhoneNumber,
    Provider,
    Slug,
    Strangers,
    Switch,
    TimeZone,
    WebSocketUrl,
    Whole,
    database_path,
    refused,
)
from bot.secrets import Secret

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

Duration = Annotated[timedelta, Lasting()]
ToolTimeout = Annotated[timedelta, Lasting(high=HOUR)]
Steps = Annotated[int, Whole(1, 50)]
Tries = Annotated[int, Whole(1, 1000)]
Chars = Annotated[int, Whole(100, 1_000_000)]
Tokens = Annotated[int, Whole(1, 1_000_000_000_000)]
Budget = Annotated[int, Whole(1000, 10_000_000)]


def _folder(path: Path, info: ValidationInfo) -> Path:
    whole = Path(os.path.realpath(folder_of(info.context) / path))
    if not os.path.isdir(whole):
        raise refused(
            "a directory that exists; relative ones are relative to config.toml",
            "create it, or correct the path",
        )
    return whole


Folder = Annotated[Path, AfterValidator(_folder)]


class DatabaseConfig(Section):
    url: DatabaseUrl = "sqlite:///saywhen.db"
    allow_volatile: bool = False
    _path: Path = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        self._path = database_path(self.url, folder_of(context))

    @property
    def path(self) -> Path:
        """The file, absolute, with links followed."""
        return self._path


class WebConfig(Section):
    host: HostName = "127.0.0.1"
    port: Annotated[int, Whole(0, 65535)] = 8000
    public_url: Annotated[str, HttpUrl()] | None = None
    max_body: Annotated[int, Whole(1024, 100_000_000)] = 1_048_576
    sim_url: Annotated[str, HttpUrl()] | None = None


class ModelConfig(Section):
    provider: Provider = "anthropic"
    name: Line = "claude-sonnet-5-5"
    base_url: Annotated[str, HttpUrl()] | None = None
    api_key: Secret | None = None
    api_key_env: EnvName = "ANTHROPIC_API_KEY"
    max_tokens: Annotated[int, Whole(16, 200_000)] = 4096
    structured: bool = True
    timeout: Annotated[timedelta, Lasting(high=HOUR)] = MINUTE
    context_tokens: Budget = 200_000


class ModelRetryConfig(Section):
    first: Duration = timedelta(seconds=2)
    max: Duration = 5 * MINUTE
    give_up: Duration = HOUR


class LimitsConfig(Section):
    max_steps: Steps = 10
    turns_in_flight: Annotated[int, Whole(1, 10_000)] = 64
    daily_tokens: Tokens = 2_000_000
    daily_tokens_dev: Tokens = 50_000
    retry_after: Duration = timedelta(seconds=5)
    take_over_tries: Annotated[int, Whole(1, 100)] = 3
    consecutive_errors: Annotated[int, Whole(1, 100)] = 3
    stop_grace: Annotated[timedelta, Lasting(high=10 * MINUTE)] = timedelta(seconds=8)
    result_clip: Chars = 4000
    block_clip: Chars = 16_000
    pending_inputs: Annotated[int, Whole(1, 10_000_000)] = 10_000
    raw_days: Annotated[int, Whole(0, 365)] = 7
    raw_cap_mb: Annotated[int, Whole(0, 1_000_000)] = 200
    answer_within: Duration = 7 * DAY
    outbox_first: Duration = timedelta(seconds=1)
    outbox_max: Duration = 15 * MINUTE
    outbox_give_up: Duration = DAY
    outbox_max_attempts: Tries = 120


class SlackConfig(Section):
    enabled: Switch = "auto"
    bot_token: Secret | None = None
    app_token: Secret | None = None
    signing_secret: Secret | None = None
    api_url: Annotated[str, HttpUrl(ending="/api/")] | None = None
    allow_bots: tuple[str, ...] = ()
    strangers: Strangers = "chat"
    pace: Annotated[timedelta, Lasting(low=timedelta(0), high=MINUTE)] = timedelta(seconds=1)

    @property
    def on(self) -> bool:
        """Will `bot run` connect to Slack, or be called by it?"""
        given = bool(self.bot_token and (self.app_token or self.signing_secret))
        return given if self.enabled == "auto" else self.enabled


class SmsConfig(Section):
    """SMS through Twilio."""

    enabled: Switch = "auto"
    account_sid: Line | None = None
    auth_token: Secret | None = None
    number: PhoneNumber | None = None
    api_url: Annotated[str, HttpUrl()] | None = None
    inbound: Literal["auto", "webhook", "poll"] = "auto"
    strangers: Strangers = "refuse"
    pace: Annotated[timedelta, Lasting(low=timedelta(0), high=MINUTE)] = timedelta(seconds=1)
    approves: Literal["low", "medium", "high"] = "high"

    @property
    def on(self) -> bool:
        """Will `bot run` send and receive texts?"""
        given = bool(self.account_sid and self.auth_token and self.number)
        return given if self.enabled == "auto" else self.enabled


class DiscordConfig(Section):
    enabled: Switch = "auto"
    bot_token: Secret | None = None
    api_url: Annotated[str, HttpUrl()] | None = None
    gateway_url: Annotated[str, WebSocketUrl()] | None = None
    allow_bots: tuple[str, ...] = ()
    strangers: Strangers = "refuse"
    pace: Annotated[timedelta, Lasting(low=timedelta(0), high=MINUTE)] = timedelta(seconds=1)

    @property
    def on(self) -> bool:
        """Will `bot run` connect to Discord?"""
        return bool(self.bot_token) if self.enabled == "auto" else self.enabled


class ApiConfig(Section):
    token: Secret | None = None


class ChannelsConfig(Section):
    slack: SlackConfig = Field(default_factory=SlackConfig)
    discord: DiscordConfig = Field(default_factory=DiscordConfig)
    sms: SmsConfig = Field(default_factory=SmsConfig)
    email: EmailConfig = Field(default_factory=EmailConfig)
    api: ApiConfig = Field(default_factory=ApiConfig)


class AgentConfig(Section):
    model: Slug = "main"
    max_steps: Steps | None = None
    tools: dict[str, ToolConfig] = Field(default_factory=dict)


class PathsConfig(Section):
    """Further folders, looked up before the ones that come with Saywhen."""

    prompts: tuple[Folder, ...] = ()
    agents: tuple[Folder, ...] = ()


class LogConfig(Section):
    level: LogLevel = "INFO"
    format: LogFormat = "auto"


class Config(Section):
    """All settings. Made by `load`; a test may make one directly, then nothing is checked across sections."""

    model_provider: Provider = "anthropic"
    max_context_tokens: Budget = 8192
    tool_timeout: ToolTimeout = timedelta(seconds=30)
    human_approval_required: bool = False
    default_agent: Slug = "assistant"
    timezone: TimeZone = "UTC"
    language: Language = "en"
    tracing: bool = False
    links: tuple[Domain, ...] | None = ()
    database: DatabaseConfig = Field(default_factory=DatabaseConfig)
    web: WebConfig = Field(default_factory=WebConfig)
    models: dict[Slug, ModelConfig] = Field(default_factory=lambda: {"main": ModelConfig()})
    model_retry: ModelRetryConfig = Field(default_factory=ModelRetryConfig)
    limits: LimitsConfig = Field(default_factory=LimitsConfig)
    channels: ChannelsConfig = Field(default_factory=ChannelsConfig)
    people: tuple[Person, ...] = ()
    approvals: ApprovalsConfig = Field(default_factory=ApprovalsConfig)
    jobs: dict[Slug, JobConfig] = Field(default_factory=dict)
    agents: dict[Slug, AgentConfig] = Field(default_factory=dict)
    paths: PathsConfig = Field(default_factory=PathsConfig)
    log: LogConfig = Field(default_factory=LogConfig)
    _loaded: Loaded = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        self._loaded = context if isinstance(context, Loaded) else Loaded(root=Path.cwd())

    @property
    def root(self) -> Path:
        """The folder of config.toml, to which relative paths are relative."""
        return self._loaded.root

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What works but should be looked at; say it once at start and in `bot config`."""
        return tuple(self._loaded.warnings)

    def person_by_name(self, name: str) -> Person | None:
        return next((person for person in self.people if person.name == name), None)

    def effective(self) -> list[EffectiveValue]:
        """Every setting as (key, shown value, source); secrets are masked."""
        rows = effective_values(self, self._loaded.origins)
        at = next(index for index, row in enumerate(rows) if row.key == "database.url")
        return [
            *rows[: at + 1],
            EffectiveValue("database.path", str(self.database.path), rows[at].source),
            *rows[at + 1 :],
        ]

    def secrets(self) -> tuple[Secret, ...]:
        """Every secret that is set, for the Redactor."""
        return tuple(value for _, value in leaves(self) if isinstance(value, Secret))
