"""The logs of every release are still read, folded and rendered as they were then."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot import context, snapshot
from bot.canonical import digest
from bot.context import AgentTexts, Ask
from bot.events import TYPES, Event, ModelAsked
from bot.fold import fold, fold_all
from bot.store.codec import decode_rows
from bot.thread import Thread

FILES = sorted(Path(__file__).parent.glob("v*.json"))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def golden(request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.param.read_text(encoding="utf-8"))
    return found


def logs(golden: Mapping[str, Any]) -> dict[str, list[Event]]:
    texts = golden["texts"]
    events, broken = decode_rows(golden["rows"], lambda hashes: {name: texts[name] for name in hashes})
    assert not broken
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.thread_id, []).append(event)
    return found


def test_there_is_a_golden_log_and_the_first_one_holds_every_type_of_its_time():
    first = json.loads((Path(__file__).parent / "v0.1.0.json").read_text(encoding="utf-8"))

    types = {row[3] for row in first["rows"]}

    assert len(types) == 31
    assert types <= set(TYPES)


def test_an_old_log_folds_to_the_state_it_had(golden):
    for thread_id, log in logs(golden).items():
        state = json.loads(snapshot.dump(fold_all(Thread(thread_id), log)))

        recorded = golden["states"][thread_id]
        assert {key: state[key] for key in recorded} == recorded


def test_the_requests_of_an_old_log_have_the_hashes_they_had(golden):
    rendered = 0
    for thread_id, log in logs(golden).items():
        thread, events = Thread(thread_id), {event.seq: event for event in log}
        for event in log:
            asked = event.data
            if isinstance(asked, ModelAsked) and asked.settings.render_version == context.RENDER_VERSION:
                names = (asked.prompt, asked.tools, asked.output_schema)
                texts = AgentTexts(*(golden["texts"][name] for name in names))
                ask = Ask(asked.model, asked.now, asked.settings)
                assert digest(context.request(thread, events, texts, ask)) == asked.request
                rendered += 1
            thread = fold(thread, event)

    versions = {e.data.settings.render_version for log in logs(golden).values() for e in log if _asks(e)}
    assert rendered or context.RENDER_VERSION not in versions


def _asks(event: Event) -> bool:
    return isinstance(event.data, ModelAsked)
