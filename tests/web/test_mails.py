"""A mail in quarantine is read again on request."""

import httpx
from fastapi import FastAPI

from bot.web import mails, problems


def client(in_quarantine: set[int]) -> httpx.AsyncClient:
    async def retry(number: int) -> bool:
        found = number in in_quarantine
        in_quarantine.discard(number)
        return found

    app = FastAPI()
    problems.add_handlers(app, retry_after=5)
    app.include_router(mails.routes(retry))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


async def test_a_mail_in_quarantine_is_read_again_once():
    async with client({17}) as http:
        first, second = [await http.post("/api/mails/17/retry", json={}) for _ in range(2)]

    assert (first.status_code, first.json()) == (200, {"id": 17})
    assert second.status_code == 404
    assert second.json()["error"]["message"] == "no mail in quarantine has this number"


async def test_there_is_no_mail_with_a_number_that_is_none():
    async with client(set()) as http:
        for number in ("x", "0", "-1", str(10**30)):
            answer = await http.post(f"/api/mails/{number}/retry", json={})
            assert answer.status_code == 404, number
