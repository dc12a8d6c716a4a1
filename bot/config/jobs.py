"""Jobs: commands that may be run with typed parameters. A list of arguments, never a line for a shell."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, PrivateAttr, model_validator

from bot.config.approvals import CallConfig
from bot.config.section import Section, folder_of
from bot.config.values import EnvName, Lasting, Scalar, Whole, matching, refused
from bot.errors import ToolError

PASSED_ON = ("PATH", "HOME", "LANG")
PYTHON = ("python", "python3")
BIGGEST = 2**53
_PIECE = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}|(\{\{|\}\})|([^{}]+)|([{}])")

ParameterName = Annotated[
    str, AfterValidator(matching(r"[a-z][a-z0-9_]{0,39}", "a-z first, then a-z, 0-9 and _"))
]
Values = Mapping[str, str | int | bool]


class WrongParameter(ToolError):
    """A job's parameter cannot be taken as it was given."""


# ---------------------------------------------------------------- parameters


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as failed:
        raise refused(f"a regular expression of Python; this one is none: {failed}") from None
    return value


Integer = Annotated[int, Whole(-BIGGEST, BIGGEST)]


class ParameterConfig(Section):
    """One parameter. Without a default it has to be given."""

    type: Literal["string", "integer", "boolean"] = "string"
    description: str = ""
    default: Scalar | None = None
    choices: tuple[Scalar, ...] = ()
    pattern: Annotated[str, AfterValidator(_pattern)] | None = None
    max_length: Annotated[int, Whole(1, 4000)] = 100
    minimum: Integer | None = None
    maximum: Integer | None = None
    allow_leading_dash: bool = False

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        numbers = {name for name in ("minimum", "maximum") if getattr(self, name) is not None}
        texts = {"pattern", "max_length", "allow_leading_dash"} & self.model_fields_set
        for kind, names in (("integer", numbers), ("string", texts - {"allow_leading_dash"})):
            if names and self.type != kind:
                name = min(names)
                raise refused(f'{name} for type = "{kind}" only', found=f'{name} and type = "{self.type}"')
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise refused("a minimum that is at most the maximum", found=f"{self.minimum} > {self.maximum}")
        for value in (*self.choices, *(() if self.default is None else (self.default,))):
            try:
                self.value(value)
            except WrongParameter as wrong:
                raise refused(f"choices and a default that are taken: {wrong}", found=str(value)) from None
        return self

    def value(self, given: JsonValue) -> str | int | bool:
        """What is given as this parameter's type. Raises WrongParameter, in words for whoever gave it."""
        value = self._typed(given)
        if self.choices and value not in self.choices:
            raise WrongParameter(f"allowed is one of {', '.join(map(str, self.choices))}")
        if written(value).startswith("-") and not self.allow_leading_dash:
            raise WrongParameter("it may not begin with -, or it could be taken for an option")
        return value

    def _typed(self, given: JsonValue) -> str | int | bool:
        match self.type:
            case "string":
                return self._text(given)
            case "integer":
                return self._integer(given)
            case "boolean":
                return _boolean(given)

    def _text(self, given: JsonValue) -> str:
        if not isinstance(given, str):
            raise WrongParameter("a text is wanted")
        if len(given) > self.max_length:
            raise WrongParameter(f"it has {len(given)} characters, at most {self.max_length} are allowed")
        if not given.isprintable():
            raise WrongParameter("it holds a line break or another character that cannot be shown")
        if self.pattern is None and not self.choices and not given:
            raise WrongParameter("it is empty")
        if self.pattern is not None and not re.fullmatch(self.pattern, given):
            raise WrongParameter(f"it has to match {self.pattern}")
        return given

    def _integer(self, given: JsonValue) -> int:
        try:
            number = Whole(-BIGGEST, BIGGEST).parse(given)
        except ValueError:
            raise WrongParameter("a whole number is wanted") from None
        if self.minimum is not None and number < self.minimum:
            raise WrongParameter(f"at least {self.minimum} is wanted")
        if self.maximum is not None and number > self.maximum:
            raise WrongParameter(f"at most {self.maximum} is wanted")
        return number


def _boolean(given: JsonValue) -> bool:
    word = given.strip().lower() if isinstance(given, str) else given
    if isinstance(word, bool):
        return word
    if word in ("true", "false"):
        return word == "true"
    raise WrongParameter("true or false is wanted")


def written(value: str | int | bool) -> str:
    """A value as the command gets it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


# ---------------------------------------------------------------- commands


def _command(value: object) -> object:
    """Everything at once, so that a wrong argument is one problem and not also a missing command."""
    if not isinstance(value, list | tuple) or not value or not all(isinstance(each, str) for each in value):
        fix = 'write ["program", "argument", ...]; there is no shell that would read a line'
        raise refused("a list of texts, the program first", fix)
    for argument in value:
        if "\0" in argument:
            raise refused("arguments without NUL characters", found=argument)
        for _, wrong in _pieces(argument):
            if wrong:
                fix = "write {{ and }} for the braces themselves"
                raise refused("{name} of a parameter in arguments", fix, found=argument)
    if not value[0] or any(name for name in _names(value[0])):
        raise refused("a program that does not depend on a parameter", found=value[0])
    return tuple(value)


def _pieces(argument: str) -> Iterator[tuple[str, bool]]:
    """The pieces of an argument, and whether one of them is a brace that means nothing."""
    return ((found[0], bool(found[4])) for found in _PIECE.finditer(argument))


def _names(argument: str) -> list[str]:
    return [found[1] for found in _PIECE.finditer(argument) if found[1]]


def _filled(argument: str, values: Values) -> str:
    def fill(found: re.Match[str]) -> str:
        return written(values[found[1]]) if found[1] else found[0][0] if found[2] else found[0]

    return _PIECE.sub(fill, argument)


class JobConfig(CallConfig):
    """One command. It runs in `folder`, with nothing of our environment but what is named."""

    description: str = ""
    command: Annotated[tuple[str, ...], BeforeValidator(_command)]
    parameters: dict[ParameterName, ParameterConfig] = Field(default_factory=dict)
    directory: Path = Path(".")
    timeout: Annotated[timedelta, Lasting(high=timedelta(hours=24))] = timedelta(minutes=10)
    environment_variables: tuple[EnvName, ...] = ()
    unsafe: bool = True
    _folder: Path = PrivateAttr()

    @model_validator(mode="after")
    def _declares_what_it_uses(self) -> Self:
        used = {name for argument in self.command for name in _names(argument)}
        if unknown := sorted(used - set(self.parameters)):
            allowed = f"placeholders of declared parameters: {', '.join(self.parameters) or 'there are none'}"
            raise refused(allowed, f"add parameters.{unknown[0]}", found=f"{{{unknown[0]}}} in the command")
        if unused := sorted(set(self.parameters) - used):
            fix = f"put {{{unused[0]}}} into the command, or remove the parameter"
            raise refused("parameters that the command uses", fix, found=f"parameters.{unused[0]}")
        return self

    def model_post_init(self, context: Any) -> None:
        self._folder = Path(os.path.realpath(folder_of(context) / self.directory))

    @property
    def folder(self) -> Path:
        """Where it runs, absolute; relative ones are relative to config.toml."""
        return self._folder

    def values(self, given: Mapping[str, JsonValue]) -> dict[str, str | int | bool]:
        """Every parameter with its value or its default. Raises WrongParameter."""
        if unknown := sorted(set(given) - set(self.parameters)):
            known = ", ".join(self.parameters) or "there are none"
            raise WrongParameter(f"{unknown[0][:40]}: no such parameter; {known}")
        found = {}
        for name, parameter in self.parameters.items():
            value = given.get(name, parameter.default)
            if value is None:
                raise WrongParameter(f"{name}: it has to be given")
            try:
                found[name] = parameter.value(value)
            except WrongParameter as wrong:
                raise WrongParameter(f"{name}: {wrong}") from None
        return found

    def argv(self, values: Values) -> tuple[str, ...]:
        """What to execute for values that `values` has checked; python is the interpreter that runs the bot."""
        program, *arguments = (_filled(argument, values) for argument in self.command)
        return (sys.executable if program in PYTHON else program, *arguments)

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What of our environment the command gets to see."""
        return {name: environ[name] for name in (*PASSED_ON, *self.environment_variables) if name in environ}
