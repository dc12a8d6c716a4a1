"""Who may in: a table of callers and what they get."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from starlette.datastructures import Headers

from bot.codes import Keys
from bot.events import Sender
from bot.rules import Someone
from bot.secrets import Secret
from bot.testing import EVERYBODY, START, FakeClock
from bot.web import shell
from bot.web.callers import ANN, COOKIE, SERVICE, SIGNED_IN, Caller, Knock, admit, is_session, new_session
from bot.web.problems import Problem
from tests.web.kit import TOKEN, open_web, token_of

KEYS = Keys(b"k" * 32)
BEARER = {"authorization": f"Bearer {TOKEN}"}
JSON = {"content-type": "application/json"}


class Doors:
    def __init__(
        self, *, token: str | None = TOKEN, open_to_loopback: bool = False, public_url: str = ""
    ) -> None:
        self.open_to_loopback = self.dev = open_to_loopback
        self.public_url = public_url
        self.token = token
        self.clock = FakeClock()

    def service_token(self) -> Secret | None:
        return Secret(self.token) if self.token else None

    def by_token(self, token: str, /) -> str | None:
        return {"saywhen_dora": "dora", "saywhen_carol": "carol"}.get(token)

    def people(self) -> Mapping[str, Someone]:
        return {"dora": Someone("dora"), "carol": Someone("carol", demo=True)}


def knock(peer: str = "127.0.0.1", method: str = "GET", cookie: str = "", **headers: str) -> Knock:
    named = {"host": "localhost:8000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Knock(method, peer, Headers(named), cookie)


def outcome(found: Knock, doors: Doors) -> object:
    try:
        return admit(found, doors, keys=KEYS)
    except Problem as problem:
        return problem.status


def as_shell(name: str, *, keys: Keys = KEYS, late: float = 0) -> str:
    return f"Bearer {shell.proof(keys, name, START - timedelta(seconds=late))}"


DORA = Caller("people/dora", "dora", "token")
DORA_HERE = Caller("people/dora", "dora", "local")
CAROL_HERE = Caller("people/carol", "carol", "local")

DEV = Doors(open_to_loopback=True)
PROD = Doors(public_url="https://bot.example.org")
BARE = Doors(token=None)
TABLE = [
    ("dev, this machine", DEV, knock(), ANN),
    ("dev, this machine by IPv6", DEV, knock("::1", host="[::1]:8000"), ANN),
    ("dev, this machine, own page", DEV, knock(method="POST", origin="http://localhost:8000"), ANN),
    ("dev, another machine", DEV, knock("192.0.2.7"), 401),
    ("dev, a name that was rebound", DEV, knock(host="evil.test:8000"), 403),
    ("dev, a name that begins like ours", DEV, knock(host="localhost.evil.test"), 403),
    ("dev, no host", DEV, knock(host=""), 403),
    ("dev, a broken host", DEV, knock(host="[::1"), 403),
    ("dev, a page from elsewhere", DEV, knock(origin="https://evil.test"), 403),
    ("dev, a page on another port", DEV, knock(origin="http://localhost:3000"), 403),
    ("dev, a page from nowhere", DEV, knock(origin="null"), 403),
    ("dev, behind a proxy", DEV, knock(x_forwarded_for="192.0.2.7"), 401),
    ("dev, behind a modern proxy", DEV, knock(forwarded="for=192.0.2.7"), 401),
    ("dev, a wrong token", DEV, knock(authorization="Bearer wrong"), 401),
    ("dev, an empty token", DEV, knock(authorization=""), 401),
    ("dev, the token", DEV, knock(**BEARER), SERVICE),
    ("prod, the token", PROD, knock("192.0.2.7", host="bot.example.org", **BEARER), SERVICE),
    ("prod, the token in other letters", PROD, knock(authorization=f"bearer  {TOKEN}"), SERVICE),
    ("prod, the token as a password", PROD, knock(authorization=f"Basic {TOKEN}"), 401),
    ("prod, part of the token", PROD, knock(authorization=f"Bearer {TOKEN[:-1]}"), 401),
    ("prod, a token beyond ASCII", PROD, knock(authorization="Bearer \xfc\xff"), 401),
    ("prod, nothing", PROD, knock(), 401),
    ("prod, the token and a page from elsewhere", PROD, knock(origin="https://evil.test", **BEARER), 403),
    ("prod, own page through a proxy", PROD, knock(origin="https://bot.example.org", **BEARER), SERVICE),
    ("prod, a person's token", PROD, knock("192.0.2.7", authorization="Bearer saywhen_dora"), DORA),
    ("no service token, a person's", BARE, knock("192.0.2.7", authorization="Bearer saywhen_dora"), DORA),
    ("prod, a person's token as a password", PROD, knock(authorization="Basic saywhen_dora"), 401),
    ("prod, a demo person's token", PROD, knock(authorization="Bearer saywhen_carol"), 401),
    ("dev, a demo person's token", DEV, knock(authorization="Bearer saywhen_carol"), CAROL_HERE),
    ("dev, a person's token", DEV, knock("192.0.2.7", authorization="Bearer saywhen_dora"), DORA),
    ("prod, the shell", PROD, knock(authorization=as_shell("dora")), DORA_HERE),
    ("dev, the shell as a demo person", DEV, knock(authorization=as_shell("carol")), CAROL_HERE),
    ("prod, the shell as a demo person", PROD, knock(authorization=as_shell("carol")), 401),
    ("prod, the shell as nobody", PROD, knock(authorization=as_shell("king")), 401),
    ("prod, the shell elsewhere", PROD, knock("192.0.2.7", authorization=as_shell("dora")), 401),
    (
        "prod, the shell behind a proxy",
        PROD,
        knock(authorization=as_shell("dora"), x_forwarded_for="127.0.0.1"),
        401,
    ),
    ("prod, the shell by a rebound name", PROD, knock(host="evil.test", authorization=as_shell("dora")), 403),
    ("prod, the shell of a minute ago", PROD, knock(authorization=as_shell("dora", late=60)), 401),
    (
        "prod, the shell of another database",
        PROD,
        knock(authorization=as_shell("dora", keys=Keys(b"x" * 32))),
        401,
    ),
    ("prod, the shell made up", PROD, knock(authorization="Bearer local.dora.99999999999.00"), 401),
    (
        "prod, the shell with another name",
        PROD,
        knock(authorization=as_shell("carol").replace("carol", "dora")),
        401,
    ),
    ("no token anywhere, this machine", BARE, knock(), 401),
    ("no token anywhere, an empty one", BARE, knock(authorization="Bearer "), 401),
]


@pytest.mark.parametrize(
    ("doors", "found", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_who_may_in(doors, found, expected):
    assert outcome(found, doors) == expected


def test_a_caller_without_any_token_is_told_how_to_set_one():
    with pytest.raises(Problem, match="API_TOKEN"):
        admit(knock(), BARE)


def test_a_signed_in_page_may_read_and_from_its_own_origin_write():
    doors = Doors()
    cookie = new_session(Secret(TOKEN), doors.clock())

    assert outcome(knock("192.0.2.7", cookie=cookie), doors) == SIGNED_IN
    assert outcome(knock("192.0.2.7", "POST", cookie, origin="http://localhost:8000"), doors) == SIGNED_IN
    assert outcome(knock("192.0.2.7", "POST", cookie), doors) == 403
    assert outcome(knock("192.0.2.7", "POST", cookie, origin="null"), doors) == 403


def test_a_session_ends_with_its_time_and_with_its_token():
    doors = Doors()
    cookie = new_session(Secret(TOKEN), doors.clock())

    assert is_session(cookie, Secret(TOKEN), doors.clock())
    assert not is_session(cookie, Secret("another-token-0123"), doors.clock())
    assert not is_session(cookie, None, doors.clock())
    doors.clock.advance(7 * 86400)
    assert not is_session(cookie, Secret(TOKEN), doors.clock())


@pytest.mark.parametrize(
    "cookie", ["", ".", "x", "9" * 400, "99999999999.", "99999999999.00", "²³.x", f"x.{TOKEN}"]
)
def test_a_made_up_session_is_none(cookie):
    assert not is_session(cookie, Secret(TOKEN), FakeClock()())


GUARDED = (
    "/",
    "/threads",
    "/approvals",
    "/api/approvals",
    "/api/questions",
    "/api/tasks",
    "/threads/x",
    "/api/threads",
    "/api/threads/x/events",
    "/metrics",
    "/nowhere",
)


async def test_everything_but_health_and_the_looks_needs_a_caller(tmp_path):
    async with open_web(tmp_path, open_to_loopback=False) as web:
        for path in GUARDED:
            assert (await web.client.get(path)).status_code == 401, path
        for path in (
            "/healthz",
            "/readyz",
            "/openapi.json",
            "/static/saywhen.css",
            "/sign-in",
            "/favicon.ico",
        ):
            assert (await web.client.get(path)).status_code == 200, path


async def test_a_token_in_the_address_is_no_token(tmp_path):
    async with open_web(tmp_path, open_to_loopback=False, people=EVERYBODY) as web:
        for name in ("token", "access_token", "api_token", "authorization"):
            for token in (TOKEN, "saywhen_ann", "Bearer saywhen_ann"):
                assert (await web.client.get("/api/threads", params={name: token})).status_code == 401


async def test_a_person_who_is_gone_is_out_at_once(tmp_path):
    people = {"dora": Someone("dora")}

    async with open_web(tmp_path, people=EVERYBODY, by_token=lambda token: next(iter(people), None)) as web:
        before = await web.client.get("/api/threads", headers=token_of("dora"))
        people.clear()
        after = await web.client.get("/api/threads", headers=token_of("dora"))

    assert (before.status_code, after.status_code) == (200, 401)


async def test_a_person_with_a_token_is_the_sender(tmp_path):
    async with open_web(tmp_path, open_to_loopback=False, people=EVERYBODY) as web:
        body = {"conversation": "c1", "text": "hello"}
        said = await web.client.post("/api/messages", json=body, headers=token_of("bob"))
        row = await web.site.store.thread(said.json()["thread_id"])
        data = (await web.bot.log(row.thread_id))[1].data

    assert row.account == "people/bob"
    assert data.sender == Sender(channel="api", address="bob", proof="token")


async def test_a_changed_token_is_dead_at_once(tmp_path):
    tokens = [TOKEN]

    async with open_web(tmp_path, open_to_loopback=False, service_token=lambda: Secret(tokens[-1])) as web:
        before = await web.client.get("/api/threads", headers=BEARER)
        tokens.append("another-token-0123")
        after = await web.client.get("/api/threads", headers=BEARER)

    assert (before.status_code, after.status_code) == (200, 401)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
async def test_only_json_is_taken(tmp_path, kind):
    headers = {"content-type": kind} if kind else {}
    body = b'{"conversation": "c1", "text": "hello"}'

    async with open_web(tmp_path) as web:
        answer = await web.client.post("/api/messages", content=body, headers=headers)

        assert answer.status_code == 415
        assert await web.site.store.threads() == []


async def test_nothing_changes_by_get(tmp_path):
    async with open_web(tmp_path) as web:
        said = (await web.say()).json()
        for path in (
            "/api/messages",
            *(f"/api/threads/{said['thread_id']}/{w}" for w in ("pause", "cancel")),
        ):
            answer = await web.client.get(path)
            assert (answer.status_code, list(answer.json())) == (405, ["error"])


async def test_who_is_refused_has_no_body_read(tmp_path):
    read = []

    async def body():
        read.append(1)
        yield b"x" * 100_000

    async with open_web(tmp_path, open_to_loopback=False) as web:
        answer = await web.client.post("/api/messages", content=body(), headers=JSON)

    assert (answer.status_code, read) == (401, [])


async def test_a_service_speaks_for_nobody_and_ann_for_herself(tmp_path):
    async with open_web(tmp_path) as web:
        for headers, sender in ((BEARER, None), (BEARER, "bob"), ({}, None), ({}, "bob")):
            body = {"conversation": "c1", "text": "hello", "sender": sender}
            await web.client.post("/api/messages", json=body, headers=headers)
        threads = (await web.client.get("/api/threads")).json()["threads"]
        found = set()
        for thread in threads:
            events = await web.bot.log(thread["thread_id"])
            senders = [e.data.sender for e in events if e.type == "message.received"]
            found |= {(thread["account"], s.address, s.proof) for s in senders}

    assert found == {
        ("service", "service", "claimed"),
        ("service", "bob", "claimed"),
        ("dev", "ann", "local"),
        ("dev", "bob", "claimed"),
    }


async def test_signing_in_gives_a_cookie_that_opens_the_pages(tmp_path):
    async with open_web(tmp_path, open_to_loopback=False, public_url="https://bot.example.org") as web:
        page = await web.client.get("/threads", headers={"accept": "text/html"})
        wrong = await web.client.post("/sign-in", data={"token": "wrong", "back": "/threads"})
        right = await web.client.post("/sign-in", data={"token": TOKEN, "back": "/threads"})
        cookie = right.headers["set-cookie"]
        inside = await web.client.get("/threads", headers={"cookie": cookie.split(";")[0]})

    assert (page.status_code, wrong.status_code, right.status_code, inside.status_code) == (
        401,
        401,
        303,
        200,
    )
    assert "API_TOKEN" in page.text
    assert right.headers["location"] == "/threads"
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=strict", "Secure"} <= set(cookie.split("; "))
    assert TOKEN not in cookie


@pytest.mark.parametrize(
    "back", ["https://evil.test/", "//evil.test", "/\\evil.test", "/\r\nset-cookie: x=1", ""]
)
async def test_nobody_is_sent_elsewhere_after_signing_in(tmp_path, back):
    async with open_web(tmp_path) as web:
        answer = await web.client.post("/sign-in", data={"token": TOKEN, "back": back})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_sign_in_from_another_site_is_refused(tmp_path):
    async with open_web(tmp_path) as web:
        evil = {"origin": "https://evil.test"}
        answer = await web.client.post("/sign-in", data={"token": TOKEN}, headers=evil)

    assert answer.status_code == 403


async def test_every_answer_carries_the_headers_that_protect_it(tmp_path):
    async with open_web(tmp_path) as web:
        for path in ("/", "/api/threads", "/nowhere", "/static/chat.js", "/healthz"):
            headers = (await web.client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert "script-src 'self';" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
