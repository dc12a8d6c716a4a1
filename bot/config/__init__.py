"""All settings: read by `load` from config.toml, config.local.toml, .env and the environment."""

from bot.config.approvals import (
    ApprovalsConfig,
    ArgumentConfig,
    CallConfig,
    GateConfig,
    LevelConfig,
    ToolConfig,
)
from bot.config.disk import check_disk, check_this_disk
from bot.config.effective import EffectiveValue
from bot.config.email import EmailConfig, OAuthConfig
from bot.config.jobs import JobConfig, ParameterConfig, WrongParameter
from bot.config.live import LiveConfig
from bot.config.load import load
from bot.config.people import Person, resolve, token_hash
from bot.config.problems import ConfigError, Problem
from bot.config.settings import (
    AgentConfig,
    ApiConfig,
    ChannelsConfig,
    Config,
    DatabaseConfig,
    DiscordConfig,
    LimitsConfig,
    LogConfig,
    ModelConfig,
    ModelRetryConfig,
    PathsConfig,
    SlackConfig,
    SmsConfig,
    WebConfig,
)

__all__ = [
    "AgentConfig",
    "ApiConfig",
    "ApprovalsConfig",
    "ArgumentConfig",
    "CallConfig",
    "ChannelsConfig",
    "Config",
    "ConfigError",
    "DatabaseConfig",
    "DiscordConfig",
    "EffectiveValue",
    "EmailConfig",
    "GateConfig",
    "JobConfig",
    "LevelConfig",
    "LimitsConfig",
    "LiveConfig",
    "LogConfig",
    "ModelConfig",
    "ModelRetryConfig",
    "OAuthConfig",
    "ParameterConfig",
    "PathsConfig",
    "Person",
    "Problem",
    "SlackConfig",
    "SmsConfig",
    "ToolConfig",
    "WebConfig",
    "WrongParameter",
    "check_disk",
    "check_this_disk",
    "load",
    "resolve",
    "token_hash",
]
