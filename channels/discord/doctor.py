"""What `bot doctor` asks Discord: the token, what the app may do, and how many sessions are left today."""

import asyncio
from dataclasses import dataclass
from typing import Any

import discord

from channels.discord.failures import PORTAL, CallFailed, refusal
from channels.discord.rest import TIMEOUT, Rest, Web
from channels.discord.shapes import Json, items, mapping, number, string

MESSAGE_CONTENT, MESSAGE_CONTENT_LIMITED = 1 << 18, 1 << 19
FEW_SESSIONS = 100
MOST_SERVERS = 10
ADMINISTRATOR = 1 << 3
PERMISSIONS = {
    "View Channels": 1 << 10,
    "Send Messages": 1 << 11,
    "Read Message History": 1 << 16,
    "Create Public Threads": 1 << 35,
    "Send Messages in Threads": 1 << 38,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `fix` says what to do if it is not ok."""

    what: str
    ok: bool
    detail: str
    fix: str = ""


async def check(token: str, api_url: str = "") -> list[Finding]:
    """Try the token and read what the app may do; begins no session."""
    rest = Rest(asyncio.get_running_loop(), api_url=api_url, timeout=TIMEOUT)
    web = Web()
    try:
        try:
            user = mapping(await rest.static_login(token.strip()))
        except discord.LoginFailure:
            return [_failed("Discord bot token", CallFailed("Discord does not know it", status=401))]
        except discord.HTTPException as error:
            return [_failed("Discord bot token", CallFailed(str(error), status=error.status))]
        except CallFailed as error:
            return [_failed("Discord bot token", error)]
        web.http = rest
        known = Finding("Discord bot token", True, f"{string(user, 'username')} ({string(user, 'id')})")
        return [known, *await _app(web), *await _servers(web), *await _sessions(web)]
    finally:
        await rest.close()


async def _app(web: Web) -> list[Finding]:
    try:
        app = mapping(await web.call("GET", "/applications/@me"))
    except CallFailed as error:
        return [_failed("Discord app", error)]
    return [_intents(app), _interactions(app)]


def _intents(app: Json) -> Finding:
    flags = number(app, "flags")
    if flags >= 0 and flags & (MESSAGE_CONTENT | MESSAGE_CONTENT_LIMITED):
        return Finding("Discord message content", True, "the app may read what people write")
    fix = f"{PORTAL}, your app, Bot, Privileged Gateway Intents: switch Message Content Intent on"
    return Finding("Discord message content", False, "the app may not read what people write", fix=fix)


def _interactions(app: Json) -> Finding:
    url = string(app, "interactions_endpoint_url")
    if not url:
        return Finding("Discord buttons", True, "they come over the gateway")
    fix = f"{PORTAL}, your app, General Information: leave Interactions Endpoint URL empty"
    return Finding("Discord buttons", False, f"Discord sends them to {url}, not to the bot", fix=fix)


async def _servers(web: Web) -> list[Finding]:
    try:
        found = await web.call("GET", "/users/@me/guilds")
    except CallFailed as error:
        return [_failed("Discord servers", error)]
    servers = items({"guilds": found}, "guilds")
    if servers:
        return [_in_server(each) for each in servers[:MOST_SERVERS]]
    fix = f"{PORTAL}, your app, Installation: open the install link and choose a server"
    return [Finding("Discord servers", False, "the bot is in no server", fix=fix)]


def _in_server(server: Json) -> Finding:
    """By the bot's roles; a channel may take away what they give."""
    what = f"Discord server {string(server, 'name')}"
    text = string(server, "permissions")
    given = int(text) if text.isascii() and text.isdigit() else 0
    missing = [name for name, bit in PERMISSIONS.items() if not given & (bit | ADMINISTRATOR)]
    if not missing:
        return Finding(what, True, "the bot's role has what it needs")
    fix = "in the server's settings, Roles, give them to the bot's role"
    return Finding(what, False, f"the bot's role lacks {', '.join(missing)}", fix=fix)


async def _sessions(web: Web) -> list[Finding]:
    try:
        limit: Any = mapping(await web.call("GET", "/gateway/bot")).get("session_start_limit")
    except CallFailed as error:
        return [_failed("Discord sessions", error)]
    left, total = number(mapping(limit), "remaining"), number(mapping(limit), "total")
    if left < 0:
        return []
    detail = f"{left} of {total} left today"
    fix = "find out what makes the bot start so often; at 0 Discord resets its token"
    return [Finding("Discord sessions", left > FEW_SESSIONS, detail, fix="" if left > FEW_SESSIONS else fix)]


def _failed(what: str, error: CallFailed) -> Finding:
    refused = refusal(error)
    fix = str(refused) if refused else "look at the network and at DISCORD_API_URL, then try again"
    return Finding(what, False, str(error), fix=fix)
