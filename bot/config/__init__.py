"""All settings: read by `load` from config.toml, config.local.toml, .env and the environment."""

from bot.config.disk import check_disk, check_this_disk
from bot.config.effective import EffectiveValue
from bot.config.load import load
from bot.config.people import Person, Role
from bot.config.problems import ConfigError, Problem
from bot.config.settings import (
    AgentConfig,
    ApiConfig,
    ChannelsConfig,
    Config,
    DatabaseConfig,
    LimitsConfig,
    LogConfig,
    ModelConfig,
    ModelRetryConfig,
    PathsConfig,
    SlackConfig,
    ToolRule,
    WebConfig,
)

__all__ = [
    "AgentConfig",
    "ApiConfig",
    "ChannelsConfig",
    "Config",
    "ConfigError",
    "DatabaseConfig",
    "EffectiveValue",
    "LimitsConfig",
    "LogConfig",
    "ModelConfig",
    "ModelRetryConfig",
    "PathsConfig",
    "Person",
    "Problem",
    "Role",
    "SlackConfig",
    "ToolRule",
    "WebConfig",
    "check_disk",
    "check_this_disk",
    "load",
]
