"""What a failed call means: for a message, and for the channel as a whole."""

from bot.errors import ChannelRefused, SendFailed
from channels.slack.web import CallFailed

TRY_AGAIN = frozenset(
    {
        "accesslimited",
        "invalid_auth",  # the token, not the message: it goes out once the right one is set
        "message_limit_exceeded",
        "not_authed",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
        "token_expired",
    }
)
UNSURE = frozenset({"fatal_error", "internal_error"})
"""Slack's own words for both: it's possible some aspect of the operation succeeded before the error."""

REFUSED = frozenset(
    {
        "access_denied",
        "account_inactive",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    }
)
ADVICE = {
    "account_inactive": "the app was removed from the workspace; install it again",
    "not_allowed_token_type": "it is a token of another kind",
    "token_expired": "token rotation is on for this app; switch it off, or set a fresh token",
    "token_revoked": "it was revoked; install the app again and copy the new one",
}


def send_failed(error: CallFailed) -> SendFailed:
    """What became of a message whose chat.postMessage failed."""
    if not error.sent or error.code in TRY_AGAIN:
        return not_sent(error)
    if not error.code or error.code in UNSURE:
        return SendFailed(str(error), kind="unknown")
    return SendFailed(str(error), kind="final")


def not_sent(error: CallFailed) -> SendFailed:
    """For calls that change nothing: they can be made again."""
    return SendFailed(str(error), kind="retry", retry_after=error.retry_after)


def refusal(error: CallFailed, token: str) -> ChannelRefused | None:
    """Why Slack will not have us, if trying again would not help; `token` is the name of the setting."""
    if error.code not in REFUSED:
        return None
    if error.code == "missing_scope":
        scope = error.needed or "another scope"
        advice = f"it lacks {scope}; add it to the app (`bot slack manifest` has them all), install it again"
    else:
        advice = ADVICE.get(error.code, "check that it is the right one, copied in full")
    return ChannelRefused(f"Slack refuses {token} ({error.code}): {advice}")
