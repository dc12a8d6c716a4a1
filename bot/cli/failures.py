"""What people are told when a command fails, and with which status it ends."""

import sys
import traceback
from collections.abc import Iterator

from typer.exceptions import TyperException

from bot.cli.given import Given
from bot.cli.output import fail
from bot.errors import EXIT_IO, SaywhenError, StartError, StoreFailed

FAILED = 1
SQLITE_CORRUPT = 11  # only the store imports sqlite3


def status_of(error: Exception) -> int:
    """The exit status: a wrong setting is 78, a held lock 73, a failing disk 74."""
    match the_one(error):
        case StartError() as refused:
            return refused.code
        case TyperException() as misused:
            return int(getattr(misused, "exit_code", FAILED))
        case StoreFailed():
            return EXIT_IO
        case damage if _is_damage(damage):
            return EXIT_IO
        case _:
            return FAILED


def tell(error: Exception, given: Given) -> None:
    """Say what went wrong on standard error: a line for each thing that is wrong, a trace only on request."""
    one = the_one(error)
    known = isinstance(one, SaywhenError)
    if isinstance(one, TyperException):
        _tell_misuse(one)
    elif given.serving and not known:
        _log(one)  # nobody is there to start it again with --debug
    elif given.debug:
        traceback.print_exception(error, file=sys.stderr)
    elif _is_damage(one):
        fail(f"the database is damaged ({one}); `bot doctor` says how to restore it")
    else:
        fail(str(one) if known else f"{type(one).__name__}: {one} (`bot --debug ...` shows where)")


def _is_damage(error: Exception) -> bool:
    """A file whose header is whole may be damaged further down; then no query is safe."""
    code = getattr(error, "sqlite_errorcode", 0)
    return isinstance(code, int) and code & 0xFF == SQLITE_CORRUPT


def the_one(error: Exception) -> Exception:
    """Of a group of errors the one that says why all had to end."""
    found = list(_leaves(error))
    for kind in (StoreFailed, StartError, SaywhenError):
        if ours := next((each for each in found if isinstance(each, kind)), None):
            return ours
    return found[0]


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _tell_misuse(error: TyperException) -> None:
    """A command that does not exist, or was given what it does not take; bare `bot` has shown its help already."""
    message = str(getattr(error, "format_message", lambda: "")())
    if message and type(error).__name__ != "NoArgsIsHelpError":
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "bot"
        fail(f"{' '.join(message.split())} (`{path} --help`)")


def _log(error: Exception) -> None:
    import structlog

    structlog.get_logger("bot").critical("an error of our own; ending", exc_info=error)
