"""A provider of tokens on loopback. A refresh token is good once, and the one before it until its successor is used."""

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from channels.email.oauth import App, Provider

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
Hook = Callable[[], None]


def nothing() -> None:
    """Nobody interferes."""


@dataclass
class FakeProvider:
    """`answers` are given first, one a request; `before` and `after` are called around each rotation."""

    url: str = ""
    number: int = 1
    used: int = 1
    strict: bool = False
    rotates: bool = True
    pending: list[str] = field(default_factory=list)
    challenge: str = ""
    answers: list[web.Response] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    before: Hook = nothing
    after: Hook = nothing

    def app(self, **more: Any) -> App:
        provider = Provider(f"{self.url}/token", f"{self.url}/auth", more.pop("device_url", ""), "mail")
        return App(provider, "client", **more)

    def use(self, access_token: str) -> None:
        """The mailbox is opened with this token: from now on what came before is void."""
        number = int(access_token.removeprefix("access-"))
        assert number >= self.used
        self.used = number

    def is_good(self, refresh_token: str) -> bool:
        number = int(refresh_token.removeprefix("refresh-") or 0)
        return number == self.number or (not self.strict and self.used <= number < self.number)

    async def token(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.forms.append(form)
        if self.answers:
            return self.answers.pop(0)
        if error := self.why_not(form):
            return web.json_response({"error": error, "error_description": f"because\n{error}"}, status=400)
        self.before()
        self.number += self.rotates
        self.after()
        given = {"access_token": f"access-{self.number}", "expires_in": 3600, "token_type": "Bearer"}
        if self.rotates and form["grant_type"] != "client_credentials":
            given["refresh_token"] = f"refresh-{self.number}"
        return web.json_response(given)

    def why_not(self, form: dict[str, str]) -> str:
        match form["grant_type"]:
            case "refresh_token":
                return "" if self.is_good(form["refresh_token"]) else "invalid_grant"
            case "client_credentials":
                return "" if form.get("client_secret") == "secret" else "invalid_client"
            case "authorization_code":
                hashed = hashlib.sha256(form["code_verifier"].encode()).digest()
                fits = base64.urlsafe_b64encode(hashed).decode().rstrip("=") == self.challenge
                return "" if fits and form["code"] == "the-code" else "invalid_grant"
            case _:
                assert form["grant_type"] == DEVICE
                return self.pending.pop(0) if self.pending else ""

    async def device(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "device_code": "d",
                "user_code": "AB-CD",
                "verification_uri": "https://x.test/device",
                "interval": 1,
            }
        )

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["FakeProvider"]:
        app = web.Application()
        app.add_routes([web.post("/token", self.token), web.post("/device", self.device)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = site.name.rstrip("/").replace("127.0.0.1:0", f"127.0.0.1:{runner.addresses[0][1]}")
        try:
            yield self
        finally:
            await runner.cleanup()
