"""Who may cause a call, when it needs a person's yes, and whose: for every tool, and for one tool or job."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from bot.config.section import Section
from bot.config.values import Lasting, Number, Role, Scalar, Whole, matching, refused

HOUR = timedelta(hours=1)

Who = Annotated[
    str, AfterValidator(matching(r"[a-z][a-z0-9_-]{0,39}", "the name or the role of a person in [[people]]"))
]
Quorum = Annotated[int, Whole(1, 100)]
Wait = Annotated[timedelta, Lasting(low=timedelta(seconds=1))]
Share = Annotated[float, Number(0, 1)]
OnExpiry = Literal["deny", "pass_on"]
ArgumentName = Annotated[
    str, AfterValidator(matching(r"[A-Za-z_][A-Za-z0-9_]{0,99}", "the name of an argument"))
]


class LevelConfig(Section):
    """Who is asked besides, after so long without a decision."""

    after: Wait
    approvers: tuple[Who, ...]


class ApprovalsConfig(Section):
    """What holds for every tool and job that does not say otherwise."""

    approvers: tuple[Who, ...] = ("operator",)
    quorum: Quorum = 1
    separation_of_duties: bool = False
    expires: Wait = 4 * HOUR
    start_within: Wait = HOUR / 4
    on_expiry: OnExpiry = "deny"
    levels: tuple[LevelConfig, ...] = ()
    confidence_below: Share = 0.0
    most_open: Annotated[int, Whole(1, 1000)] = 10


# ---------------------------------------------------------------- when


class ArgumentConfig(Section):
    """When an argument makes a call need a yes: it is one of these values, or above or below a number."""

    values: tuple[Scalar, ...] = ()
    above: Annotated[float, Number()] | None = None
    below: Annotated[float, Number()] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.values and self.above is None and self.below is None:
            raise refused('a list of values such as ["production"], { above = 100 } or { below = 0 }')
        return self


def _as_condition(value: object) -> object:
    return {"values": value} if isinstance(value, list | tuple) else value


class GateConfig(Section):
    """The conditions of which any one makes a call need a yes."""

    risk: Literal["none", "low", "medium", "high"] = "high"
    roles: tuple[Role, ...] = ()
    confidence_below: Share = 0.0
    untrusted: bool = True
    arguments: dict[ArgumentName, Annotated[ArgumentConfig, BeforeValidator(_as_condition)]] = Field(
        default_factory=dict
    )


def _word(value: object) -> object:
    if value not in ("never", "always"):
        raise refused('"never", "always" or a table of conditions such as { risk = "medium" }')
    return value


def _kind(value: object) -> str:
    return "[conditions]" if isinstance(value, dict | GateConfig) else "[word]"


Approval = Annotated[
    Annotated[Literal["never", "always"], BeforeValidator(_word), Tag("[word]")]
    | Annotated[GateConfig, Tag("[conditions]")],
    Discriminator(_kind),
]


# ---------------------------------------------------------------- one tool or job


class CallConfig(Section):
    """What a tool and a job have in common. What is not set is as [approvals] says."""

    approval: Approval | None = None
    causes: tuple[Who, ...] | None = None
    approvers: tuple[Who, ...] | None = None
    quorum: Quorum | None = None
    separation_of_duties: bool | None = None
    expires: Wait | None = None
    start_within: Wait | None = None
    on_expiry: OnExpiry | None = None
    levels: tuple[LevelConfig, ...] | None = None

    def over(self, general: ApprovalsConfig) -> ApprovalsConfig:
        """The general settings with what is set here."""
        names = set(CallConfig.model_fields) & set(ApprovalsConfig.model_fields)
        own = {name: value for name in names if (value := getattr(self, name)) is not None}
        return general.model_copy(update=own)


class ToolConfig(CallConfig):
    """One tool of one agent."""

    enabled: bool = True
    timeout: Annotated[timedelta, Lasting(high=HOUR)] | None = None
