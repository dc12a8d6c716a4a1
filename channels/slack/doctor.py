"""What `bot doctor` asks Slack: the tokens, and whether the app was given what it needs."""

from dataclasses import dataclass

from channels.slack.failures import refusal
from channels.slack.manifest import APP_SCOPE, OPTIONAL, SCOPES, needed_scopes
from channels.slack.web import CallFailed, Web


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `fix` says what to do if it is not ok."""

    what: str
    ok: bool
    detail: str
    fix: str = ""


async def check(*, bot_token: str, app_token: str = "", api_url: str | None = None) -> list[Finding]:
    """Try the tokens; opens no socket. Without an app token Slack calls us, and there is nothing to try."""
    web = Web(bot_token, api_url=api_url)
    found = await _check_bot(web)
    return [*found, await _check_app(web, app_token)] if app_token else found


async def _check_bot(web: Web) -> list[Finding]:
    try:
        answer = await web.post("auth.test", {})
    except CallFailed as error:
        return [_failed("Slack bot token", error, "SLACK_BOT_TOKEN")]
    who, team = answer.data.get("user", "?"), answer.data.get("team", "?")
    account = f"{answer.data.get('team_id', '?')}/{answer.data.get('user_id', '?')}"
    return [
        Finding("Slack bot token", True, f"{who} in {team} ({account})"),
        _check_scopes(answer.headers.get("x-oauth-scopes")),
    ]


def _check_scopes(header: str | None) -> Finding:
    if header is None:
        return Finding("Slack scopes", True, "Slack does not say which were granted")
    granted = {scope.strip() for scope in header.split(",")}
    missing = sorted(needed_scopes() - granted)
    if not missing:
        without = "; ".join(f"{scope} ({why})" for scope, why in OPTIONAL.items() if scope not in granted)
        detail = f"; not granted, and done without: {without}" if without else ""
        return Finding("Slack scopes", True, f"all {len(SCOPES)} that are needed{detail}")
    reasons = "; ".join(f"{scope} ({SCOPES[scope]})" for scope in missing)
    return Finding(
        "Slack scopes",
        False,
        f"missing: {reasons}",
        fix="paste `bot slack manifest` into the app at api.slack.com/apps and install it again",
    )


async def _check_app(web: Web, app_token: str) -> Finding:
    try:
        await web.open_connection(app_token)
    except CallFailed as error:
        return _failed("Slack Socket Mode", error, f"SLACK_APP_TOKEN (xapp-..., with {APP_SCOPE})")
    return Finding("Slack Socket Mode", True, "a socket could be opened")


def _failed(what: str, error: CallFailed, token: str) -> Finding:
    refused = refusal(error, token)
    fix = str(refused) if refused else "look at the network and at SLACK_API_URL, then try again"
    return Finding(what, False, str(error), fix=fix)
