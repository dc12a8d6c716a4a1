"""The simulators at the bot's own address, for this machine and in `bot dev` alone."""

import pytest
from fastapi import FastAPI, Request

from tests.web.kit import TOKEN, open_web, serving

FORM = {"content-type": "application/x-www-form-urlencoded"}


def simulators() -> FastAPI:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def mirror(path: str, request: Request) -> dict[str, object]:
        return {
            "path": request.url.path,
            "query": request.url.query,
            "method": request.method,
            "body": (await request.body()).decode(),
            "headers": dict(request.headers),
        }

    return app


async def test_requests_go_to_the_simulators_and_come_back(tmp_path):
    async with serving(simulators()) as url, open_web(tmp_path, sim_url=url) as web:
        said = await web.client.post("/sim/slack/say?x=1", json={"from": "ann"}, headers={"cookie": "a=b"})
        page = await web.client.get("/sim")

    seen = said.json()
    assert (seen["path"], seen["query"], seen["method"], seen["body"]) == (
        "/sim/slack/say",
        "x=1",
        "POST",
        '{"from":"ann"}',
    )
    assert "cookie" not in seen["headers"]
    assert page.json()["path"] == "/sim"


async def test_the_token_stays_here(tmp_path):
    async with serving(simulators()) as url, open_web(tmp_path, sim_url=url) as web:
        answer = await web.client.get("/sim/x", headers={"authorization": f"Bearer {TOKEN}"})

    assert TOKEN not in answer.text


async def test_while_the_simulators_are_down_it_says_so(tmp_path):
    async with open_web(tmp_path, sim_url="http://127.0.0.1:9") as web:
        answer = await web.client.get("/sim/slack/messages")

    assert answer.status_code == 502
    assert "simulators do not answer" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.test"}, 403),
        ({"origin": "https://evil.test"}, 403),
        ({"origin": "null"}, 403),
        ({"x-forwarded-for": "192.0.2.7"}, 401),
        ({"content-type": "text/plain"}, 415),
        (FORM, 415),
        ({"authorization": f"Bearer {TOKEN}", "host": "evil.test"}, 403),
        ({"authorization": f"Bearer {TOKEN}", "x-forwarded-for": "192.0.2.7"}, 403),
    ],
)
async def test_only_this_machine_may_make_simulated_people_speak(tmp_path, headers, status):
    async with serving(simulators()) as url, open_web(tmp_path, sim_url=url) as web:
        sent = {"content-type": "application/json", **headers}
        answer = await web.client.post("/sim/slack/say", content=b"{}", headers=sent)

    assert answer.status_code == status


async def test_another_machine_may_not_even_with_the_token(tmp_path):
    async with open_web(tmp_path, sim_url="http://127.0.0.1:9", peer="192.0.2.7") as web:
        answer = await web.client.get("/sim", headers={"authorization": f"Bearer {TOKEN}"})

    assert answer.status_code == 403


async def test_without_simulators_there_is_nothing_there(tmp_path):
    async with open_web(tmp_path) as web:
        assert (await web.client.get("/sim")).status_code == 404
        assert (await web.client.get("/sim/slack/messages")).status_code == 404
