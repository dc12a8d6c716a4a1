"""Discord's refusals: {code, message} and, for a form that is wrong, which field and why."""

from simulators.discord.config import Json

KNOWN: dict[int, tuple[int, str]] = {
    0: (401, "401: Unauthorized"),
    10002: (404, "Unknown Application"),
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10014: (400, "Unknown Emoji"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50003: (403, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50013: (403, "Missing Permissions"),
    50024: (400, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50035: (400, "Invalid Form Body"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    160004: (400, "A thread has already been created for this message"),
}
"""HTTP status and message of an answer that refuses a request."""


class DiscordError(Exception):
    """An answer other than 2xx. A code that is not known here gets HTTP 400."""

    def __init__(self, code: int, errors: Json | None = None, *, status: int | None = None) -> None:
        known, message = KNOWN.get(code, (400, f"Simulated error {code}"))
        super().__init__(message)
        self.code = code
        self.status = status or known
        self.errors = errors

    @property
    def body(self) -> Json:
        more = {"errors": self.errors} if self.errors is not None else {}
        return {"message": str(self), "code": self.code, **more}


def invalid(field: str, code: str, message: str) -> DiscordError:
    """50035 for one field; `field` may be a path such as `components.0.label`, "" for the body."""
    errors: Json = {"_errors": [{"code": code, "message": message}]}
    for name in reversed(field.split(".") if field else []):
        errors = {name: errors}
    return DiscordError(50035, errors)


def too_long(field: str, most: int) -> DiscordError:
    return invalid(field, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")


def bad_length(field: str, least: int, most: int) -> DiscordError:
    return invalid(field, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")


def required(field: str) -> DiscordError:
    return invalid(field, "BASE_TYPE_REQUIRED", "This field is required")
