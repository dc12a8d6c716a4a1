"""The tool `run_job`: runs a configured command with typed parameters, never a shell, each call at most once.

The command is run by a process of its own (bot/job_process.py), so that it survives the bot; whoever asks again
for the same task finds the same run.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from bot.config import JobConfig, ParameterConfig, WrongParameter
from bot.errors import StartError, ToolError
from bot.job_folder import End, JobFolder
from bot.tools import Tool, ToolContext

RUN_JOB, JOB = "run_job", "job"
DESCRIPTION = "Runs one of the configured jobs and reports how it ended."
MOST_SHOWN, MOST_OF_A_FAILURE = 2000, 600  # characters of output
FIRST_LOOK, SLOWEST_LOOK = 0.05, 1.0  # seconds
MARGIN = timedelta(minutes=1)  # a job ends itself at its own timeout, and needs some time for that

_TYPES: Mapping[str, type] = {"string": str, "integer": int, "boolean": bool}

Jobs = Mapping[str, JobConfig]


class OutcomeUnknown(Exception):
    """Nobody knows how the job ended, or whether it did."""


def run_job_tool(
    jobs: Jobs,
    *,
    folder: Path,
    python: str,
    clean: Callable[[str], str] = str,
    environ: Mapping[str, str] = os.environ,
) -> Tool:
    """The tool for these jobs; `jobs` may change later, but the names and parameters offered stay those of now.

    Each call has a folder of its own in `folder`; `python` runs the process that runs the command.
    """
    runner = _Runner(jobs, folder=folder.absolute(), python=python, clean=clean, environ=environ)
    return Tool(
        name=RUN_JOB,
        description=DESCRIPTION,
        args=arguments(jobs),
        run=runner.run,
        effect="unsafe",
        timeout=max(job.timeout for job in jobs.values()) + MARGIN,
        risk="high",
        background=True,
        recover=runner.run,
    )


# ---------------------------------------------------------------- arguments


def arguments(jobs: Jobs) -> type[BaseModel]:
    """The model of the arguments: which job, and every parameter that one of them has."""
    names = dict.fromkeys(name for job in jobs.values() for name in job.parameters)
    if JOB in names:
        raise StartError(f"jobs: a parameter cannot be called {JOB}, since that says which job to run")
    about = "; ".join(f"{name}: {job.description}" if job.description else name for name, job in jobs.items())
    fields: dict[str, Any] = {JOB: (cast(Any, Literal)[tuple(jobs)], Field(description=about))}
    for name in names:
        # BaseModel's own names are lower-case, as parameters are; the field is then known by its alias alone.
        taken = hasattr(BaseModel, name) or name.startswith("model_")
        fields[name.upper() if taken else name] = _field(jobs, name)
    check: Any = model_validator(mode="after")(_checker(jobs))
    return create_model(
        "RunJob", __config__=ConfigDict(extra="forbid"), __validators__={"CHECK": check}, **fields
    )


def _field(jobs: Jobs, name: str) -> tuple[Any, Any]:
    """One parameter; it may be null unless every job needs it."""
    users = {job: each.parameters[name] for job, each in jobs.items() if name in each.parameters}
    types = {each.type: job for job, each in users.items()}
    if len(types) > 1:
        (one, first), (other, second) = list(types.items())[:2]
        raise StartError(
            f"jobs: the parameter {name} is of type {one} for {first} and of type {other} for {second};"
            " give one of them another name"
        )
    needed = len(users) == len(jobs) and all(each.default is None for each in users.values())
    kind = _type(list(users.values()))
    about = "; ".join(dict.fromkeys(words for each in users.values() if (words := _about(each))))
    if len(users) < len(jobs):
        about = f"{about} (for {', '.join(users)} only)".strip()
    return kind if needed else kind | None, Field(alias=name, description=about or None)


def _type(parameters: list[ParameterConfig]) -> Any:
    """The choices, if every job has some; else the plain type."""
    plain = _TYPES[parameters[0].type]
    choices = dict.fromkeys(choice for each in parameters for choice in each.choices)
    if plain is bool or not all(
        each.choices and all(type(c) is plain for c in each.choices) for each in parameters
    ):
        return plain
    return cast(Any, Literal)[tuple(choices)]


def _about(parameter: ParameterConfig) -> str:
    limits = [f"matching {parameter.pattern}"] if parameter.pattern else []
    limits += [f"at least {parameter.minimum}"] if parameter.minimum is not None else []
    limits += [f"at most {parameter.maximum}"] if parameter.maximum is not None else []
    return ", ".join(filter(None, (parameter.description, *limits)))


def _checker(jobs: Jobs) -> Callable[[BaseModel], BaseModel]:
    """Checks what a job is given as its configuration says, and fills in what it says for the rest.

    The arguments that a person sees and says yes to are then those that run.
    """

    def check(given: BaseModel) -> BaseModel:
        values = given.model_dump(by_alias=True, exclude_none=True)
        job = jobs.get(values.pop(JOB))
        if job is None:
            raise _refusal(given, JOB, "this job is no longer offered", None)
        try:
            found = job.values(values)
        except WrongParameter as wrong:
            name, _, why = str(wrong).partition(": ")
            raise _refusal(given, name, why, values.get(name)) from None
        for field, info in type(given).model_fields.items():
            if (info.alias or field) in found:
                setattr(given, field, found[info.alias or field])
        return given

    return check


def _refusal(given: BaseModel, name: str, why: str, found: object) -> ValidationError:
    error = PydanticCustomError("job", "{why}", {"why": why})
    return ValidationError.from_exception_data(
        type(given).__name__, [InitErrorDetails(type=error, loc=(name,), input=found)]
    )


# ---------------------------------------------------------------- running


class _Runner:
    def __init__(
        self,
        jobs: Jobs,
        *,
        folder: Path,
        python: str,
        clean: Callable[[str], str],
        environ: Mapping[str, str],
    ) -> None:
        self._jobs = jobs
        self._folder = folder
        self._python = python
        self._clean = clean
        self._environ = environ

    async def run(self, args: BaseModel, ctx: ToolContext) -> str:
        """Begin it, or find what was begun for the same task, and wait for the end."""
        if not ctx.task_id:
            raise ValueError("a job runs as a background task only")
        folder = JobFolder(self._folder / ctx.task_id)
        try:
            await self._begin(folder, args)
            return await self._ended(folder, ctx)
        except asyncio.CancelledError as cancelled:
            if not cancelled.args:  # the bot is ending, the job is not: the next start finds it
                raise
            await asyncio.to_thread(folder.cancel)
        return await self._ended(folder, ctx)

    async def _begin(self, folder: JobFolder, args: BaseModel) -> None:
        state = await asyncio.to_thread(folder.look)  # a stop that came before us is felt here
        if state.held or state.begun or state.end:
            return
        given = args.model_dump(by_alias=True, exclude_none=True)
        job = self._jobs.get(given.pop(JOB))
        if job is None:
            raise ToolError("this job is no longer offered", retryable=False)
        try:
            await asyncio.to_thread(
                folder.start,
                job.argv(job.values(given)),
                directory=job.folder,
                timeout=job.timeout,
                environ=self._environment(job),
                python=self._python,
            )
        except OSError as error:
            # Whatever else has the order must not begin after we have said that nothing did.
            await asyncio.to_thread(folder.cancel)
            raise ToolError(f"it could not be started: {error.strerror}") from error

    def _environment(self, job: JobConfig) -> dict[str, str]:
        zone = {"TZ": self._environ["TZ"]} if "TZ" in self._environ else {}
        return {**zone, **job.environ(self._environ)}

    async def _ended(self, folder: JobFolder, ctx: ToolContext) -> str:
        said, pause = "", FIRST_LOOK
        while True:
            state = await asyncio.to_thread(folder.look)
            if state.end is not None:
                return self._told(state.end, folder)
            if not state.held:
                return await self._abandoned(folder, begun=state.begun)
            if state.last_line and state.last_line != said:
                said = state.last_line
                await ctx.progress(said)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, SLOWEST_LOOK)

    async def _abandoned(self, folder: JobFolder, *, begun: bool) -> str:
        """Nobody runs it, and nothing says how it ended."""
        if begun:
            raise OutcomeUnknown("the process that ran it is gone; it may have come to its end, or still run")
        await asyncio.to_thread(folder.cancel)
        raise ToolError("it did not begin")

    def _told(self, end: End, folder: JobFolder) -> str:
        """What the conversation reads; ToolError unless the command says that all went well."""
        after = f"after {_seconds(end.seconds)}"
        if end.exit_code is None:
            raise ToolError(
                f"it did not begin: {end.error}" if end.error else "it was cancelled before it began"
            )
        if end.cancelled:
            raise ToolError(f"cancelled {after}; what it had done stays done", retryable=False)
        if end.timed_out:
            raise ToolError(f"timed out {after}; what it had done stays done{self._last_words(folder)}")
        if end.exit_code != 0:
            raise ToolError(f"exit code {end.exit_code} {after}{self._last_words(folder)}")
        text, whole = folder.last_output(MOST_SHOWN, self._clean)
        if not text:
            return f"exit code 0 {after}; it printed nothing"
        return f"exit code 0 {after}; {'its output' if whole else 'the end of its output, more is kept'}:\n{text}"

    def _last_words(self, folder: JobFolder) -> str:
        text, _ = folder.last_output(MOST_OF_A_FAILURE, self._clean)
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        return f"; its output ended with: {' | '.join(lines)}" if lines else ""


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:,.0f} s"
