"""Who is calling: decided from the headers and the peer's address alone, before a body is read."""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from bot.codes import Keys
from bot.events import Answerer, Proof, Sender
from bot.rules import Someone
from bot.secrets import Secret
from bot.web import shell
from bot.web.problems import Problem

COOKIE = "saywhen_session"
SESSION = timedelta(days=7)
SAFE = ("GET", "HEAD", "OPTIONS")
LOOPBACK_NAMES = "127.0.0.1, localhost or [::1]"
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
HOW_TO_OPEN = (
    "this bot has no token for its API yet: set API_TOKEN in .env or in the environment and start it again, "
    "then send it as Authorization: Bearer ...; a person's own is made by `bot people token NAME`"
)


class Doors(Protocol):
    """What decides about callers; a Site has it."""

    @property
    def open_to_loopback(self) -> bool: ...
    @property
    def dev(self) -> bool: ...
    @property
    def public_url(self) -> str: ...
    def service_token(self) -> Secret | None: ...
    def by_token(self, token: str, /) -> str | None: ...
    def people(self) -> Mapping[str, Someone]: ...
    def clock(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """A credential and the sender that its messages have unless they name one."""

    credential: str
    address: str
    proof: Proof

    @property
    def by(self) -> str:
        return f"api:{self.address}"

    @property
    def person(self) -> str:
        """Who it is, if that is proven; "" for a service and for the pages that its token opens."""
        return self.address if self.proof in ("token", "local") else ""

    @property
    def answerer(self) -> Answerer:
        """Who answers, when this caller answers a request."""
        return Answerer(person=self.person, channel="api", address=self.address, proof=self.proof)

    def sender(self, claimed: str | None) -> Sender:
        """A name that the caller only claims is recorded as claimed: it resolves to nobody."""
        if claimed is not None:
            return Sender(channel="api", address=claimed, proof="claimed")
        return Sender(channel="api", address=self.address, proof=self.proof)


ANN = Caller("dev", "ann", "local")
SERVICE = Caller("service", "service", "claimed")
SIGNED_IN = Caller("service", "page", "claimed")


@dataclass(frozen=True, slots=True)
class Knock:
    """What is known of a request before its body is read."""

    method: str
    peer: str
    headers: Mapping[str, str]
    cookie: str = ""


def admit(knock: Knock, doors: Doors, *, keys: Keys | None = None) -> Caller:
    """The caller, or the Problem that says why not. A wrong token never falls back to an open door.

    `keys` are needed for callers by the shell's proof alone.
    """
    check_origin(knock, doors.public_url)
    if "authorization" in knock.headers:
        return _by_token(knock, doors, keys)
    if knock.cookie and is_session(knock.cookie, doors.service_token(), doors.clock()):
        return _by_cookie(knock)
    if doors.open_to_loopback and is_local(knock):
        return _by_loopback(knock)
    raise _unknown(doors)


def check_origin(knock: Knock, public_url: str) -> None:
    """A page from elsewhere may not call: browsers say where a page came from."""
    origin = knock.headers.get("origin")
    if origin is None:
        return
    host = knock.headers.get("host", "")
    if urlsplit(origin).netloc.lower() == host.lower() and host:
        return
    if public_url and _origin_of(origin) == _origin_of(public_url):
        return
    raise Problem(
        403, "requests from another origin are not allowed", found=origin, allowed=public_url or host
    )


def check_json(knock: Knock) -> None:
    """Only JSON is taken: a form of another site cannot send it."""
    if knock.method in SAFE:
        return
    kind = knock.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(
            415, "send JSON", found=kind or "no content type", allowed="content-type: application/json"
        )


def is_local(knock: Knock) -> bool:
    """Straight from this machine; what a proxy passes on is not."""
    return is_loopback(knock.peer) and not any(name in knock.headers for name in FORWARDED)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_loopback_host(knock: Knock) -> None:
    """A name that resolves to 127.0.0.1 but belongs to somebody else (DNS rebinding) is not ours."""
    host = knock.headers.get("host", "")
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        name = ""
    if not is_loopback(name):
        raise Problem(403, "this Host is not allowed here", found=host, allowed=LOOPBACK_NAMES)


def bearer(headers: Mapping[str, str]) -> str:
    """The token that came as Authorization: Bearer, or ""."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""


def _by_token(knock: Knock, doors: Doors, keys: Keys | None) -> Caller:
    """A service, or a person, who is looked up at every request: a token that was replaced is dead at once."""
    token, service = bearer(knock.headers), doors.service_token()
    if service is not None and same(token, service.reveal()):
        return SERVICE
    if keys is not None and token.startswith(shell.PREFIX):
        return _by_shell(knock, doors, shell.proven(keys, token, doors.clock()))
    name = doors.by_token(token) if token else None
    if name is None:
        raise _refused("this token is not known" if service else HOW_TO_OPEN)
    return _person(name, "token", doors)


def _by_shell(knock: Knock, doors: Doors, name: str) -> Caller:
    if not is_local(knock):
        raise _refused("the shell's token is for callers on this machine")
    check_loopback_host(knock)
    if not name or name not in doors.people():
        raise _refused("this token of the shell is not known, or too old")
    return _person(name, "local", doors)


def _person(name: str, proof: Proof, doors: Doors) -> Caller:
    """Demo people exist in `bot dev` alone, and nothing proves more of them than that they are played here."""
    someone = doors.people().get(name)
    if someone is None or not someone.demo:
        return Caller(f"people/{name}", name, proof)
    if not doors.dev:
        raise _refused(f"{name} is a demo person; they act in `bot dev` only")
    return Caller(f"people/{name}", name, "local")


def _by_cookie(knock: Knock) -> Caller:
    if knock.method not in SAFE and "origin" not in knock.headers:
        raise Problem(403, "a signed-in page must say where it comes from", found="no Origin header")
    return SIGNED_IN


def _by_loopback(knock: Knock) -> Caller:
    check_loopback_host(knock)
    return ANN


def _unknown(doors: Doors) -> Problem:
    return _refused("send your token as Authorization: Bearer ..." if doors.service_token() else HOW_TO_OPEN)


def _refused(why: str) -> Problem:
    return Problem(401, why, headers={"WWW-Authenticate": "Bearer"})


# ---------------------------------------------------------------- acting as somebody


def acting(caller: Caller, name: str | None, doors: Doors) -> Answerer:
    """Who answers a request: the caller, or in `bot dev` on this machine the demo person whom they play."""
    if caller != ANN:
        if name not in (None, caller.person):
            raise Problem(
                403, "`as` is for callers without a token in `bot dev`, on this machine", found=name
            )
        return caller.answerer
    played = name or ANN.person
    someone = doors.people().get(played)
    if someone is None or not someone.demo:
        raise Problem(
            403, "without a token only demo people can be played", found=played, allowed=_demo_names(doors)
        )
    return Answerer(person=played, channel="api", address=played, proof="local")


def _demo_names(doors: Doors) -> str:
    return ", ".join(name for name, someone in doors.people().items() if someone.demo) or "nobody"


def same(one: str, other: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass"))


# ---------------------------------------------------------------- sessions of the pages


def new_session(token: Secret, now: datetime) -> str:
    """What the cookie holds: when it ends, and a proof that whoever made it knew the token."""
    until = str(int((now + SESSION).timestamp()))
    return f"{until}.{_proof(token, until)}"


def is_session(cookie: str, token: Secret | None, now: datetime) -> bool:
    until, _, proof = cookie.partition(".")
    if token is None or not until.isascii() or not until.isdigit() or len(until) > 12:
        return False
    return same(proof, _proof(token, until)) and now.timestamp() < int(until)


def _proof(token: Secret, until: str) -> str:
    return hmac.new(token.reveal().encode(), f"saywhen session {until}".encode(), hashlib.sha256).hexdigest()


def _origin_of(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()
