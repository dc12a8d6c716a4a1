"""The errors of the core; each docstring is the message a person sees."""

from typing import Literal

SendFailure = Literal["retry", "final", "unknown"]

EXIT_CONFIG = 78  # EX_CONFIG in sysexits.h: a setting is wrong, starting again will not help
EXIT_LOCKED = 73  # EX_CANTCREAT: another process has the database
EXIT_IO = 74  # EX_IOERR: the disk refused a commit


class SaywhenError(Exception):
    """Something in Saywhen failed."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class StartError(SaywhenError):
    """The bot cannot start. `code` is the exit status, the message says how to go on."""

    code: int = EXIT_CONFIG

    def __init__(self, message: str = "", *, code: int | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class UnknownEvent(SaywhenError):
    """The log holds an event of a type or version that this program does not know."""


class BrokenEvent(SaywhenError):
    """The log holds an event whose data cannot be read."""


class StoreError(SaywhenError):
    """The database refused."""


class Fenced(StoreError):
    """Another process has taken this thread over."""


class StoreFull(StoreError):
    """The disk is full: nothing was accepted, and nothing was lost. Free some space and it goes on by itself."""


class StoreFailed(StoreError):
    """The disk refused a commit. The process must end: what it believes to be stored may not be."""


class StoreClosed(StoreError):
    """The database is closed."""


class Overloaded(SaywhenError):
    """Too many messages are waiting already. Nothing was accepted; send it again later."""


class NoSuchThread(SaywhenError):
    """There is no such thread."""


class InvalidStep(SaywhenError):
    """The model's answer is not a step; the message is one short line that the model can act on."""


class ToolError(SaywhenError):
    """A tool could not do its work; `retryable` says whether trying again may help."""

    def __init__(self, message: str = "", *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


class SendFailed(SaywhenError):
    """A message could not be sent.

    `kind` is "retry" (not sent, try later), "final" (will never be sent) or "unknown" (it may have arrived:
    look before sending again). `retry_after` is in seconds, as the provider asked. `unreachable` says that this
    address takes nothing from us any more.
    """

    def __init__(
        self, message: str, *, kind: SendFailure, retry_after: float | None = None, unreachable: bool = False
    ) -> None:
        super().__init__(message)
        self.kind: SendFailure = kind
        self.retry_after = retry_after
        self.unreachable = unreachable


class ChannelRefused(SaywhenError):
    """The provider refuses us for good (a bad token, a disabled app): starting again will not help."""
