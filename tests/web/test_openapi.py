"""The OpenAPI document is true: made-up requests never bring a 5xx, an undeclared answer or a trace."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web.kit import open_web, serving

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]


@contextmanager
def running(folder) -> Iterator[str]:
    """The application in a thread of its own, with a thread in it."""
    started, done = threading.Event(), threading.Event()
    found: list[str] = []

    async def serve() -> None:
        async with open_web(folder) as web, serving(web.app) as url:
            await web.say()
            found.append(url)
            started.set()
            await asyncio.to_thread(done.wait)

    worker = threading.Thread(target=lambda: asyncio.run(serve()))
    worker.start()
    assert started.wait(20)
    try:
        yield found[0]
    finally:
        done.set()
        worker.join()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_made_up_requests_find_what_the_document_promises(tmp_path):
    with running(tmp_path) as url:
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        tried = []
        for operation in schema.get_all_operations():
            tried.append(operation.ok().label)
            check(operation.ok(), url)

    assert len(tried) == 21, tried


def check(operation, url: str) -> None:
    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def probe(case):
        quick(case)
        response = case.call(base_url=url, timeout=20)
        case.validate_response(response, checks=CHECKS)

    probe()


def quick(case) -> None:
    """Nobody wants to wait two minutes, or for a stream to end."""
    query = dict(case.query or {})
    if "wait" in query:
        query["wait"] = 0
    query.pop("stream", None)
    case.query = query
