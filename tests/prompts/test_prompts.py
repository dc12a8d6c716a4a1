from pathlib import Path

import pytest
from inline_snapshot import external_file

from agents.assistant import assistant
from bot.canonical import text_hash
from bot.config import load
from bot.errors import StartError
from bot.prompts import Prompt, load_prompts
from bot.roster import find_agents, put_together
from bot.step import schema_text
from bot.tools import Agent, tools_text

PROMPTS = Path(__file__).parents[2] / "prompts"
VALUES = {
    "agent_name": "Saywhen",
    "agent_description": "answers, tells the time and reminds",
    "language": "en",
}
MAILBOX = {
    "MAIL_FROM": "bot@example.org",
    "IMAP_HOST": "mail.example.org",
    "IMAP_USER": "bot",
    "IMAP_PASSWORD": "secret",
    "SMTP_HOST": "mail.example.org",
}
ONE = Agent("one", "an agent", "one")

GOOD = """---
agent: one
variables: agent_name
---

Hello, I am {{ agent_name }}.
"""


def written(folder: Path, text: str = GOOD, name: str = "one") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.md"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, *agents: Agent) -> list[str]:
    with pytest.raises(StartError) as caught:
        load_prompts([folder], agents=agents or (ONE,))
    assert caught.value.code == 78
    return str(caught.value).splitlines()


# ---------------------------------------------------------------- the assistant's


def test_the_assistants_prompt_reads_as_it_did():
    # After a change on purpose: pytest tests/prompts --inline-snapshot=fix
    prompt = load_prompts([PROMPTS], agents=[assistant])["assistant"].render(**VALUES)

    sent = f"{prompt}\n{tools_text(assistant.tools)}\n\n{schema_text(assistant.calls)}\n"

    assert sent == external_file("golden/assistant.txt")


def test_the_fixed_part_of_a_request_stays_under_900_tokens():
    config = load(root=PROMPTS.parent, environ=MAILBOX, dev=True)
    parts = put_together(config, find_agents(config))["assistant"]

    assert {"run_job", "send_email", "schedule_meeting"} <= set(parts.agent.calls)
    assert parts.texts.tokens < 900
    assert len(parts.texts.output_schema.encode()) / 4 < 680  # the grammar of its answers


def test_without_a_mailbox_no_tool_for_mail_is_offered_nor_paid_for():
    with_mail, without = (
        put_together(config, find_agents(config))["assistant"]
        for config in (load(root=PROMPTS.parent, environ=each, dev=True) for each in (MAILBOX, {}))
    )

    assert set(with_mail.agent.calls) - set(without.agent.calls) == {"send_email", "schedule_meeting"}
    assert without.texts.tokens < 820
    assert len(without.texts.output_schema.encode()) / 4 < 520


def test_every_prompt_of_this_checkout_renders():
    prompts = load_prompts([PROMPTS], agents=[assistant])

    for prompt in prompts.values():
        assert "{{" not in prompt.render(**VALUES)


def test_every_intent_is_explained():
    body = load_prompts([PROMPTS], agents=[assistant])["assistant"].body

    for intent in ("reply", "need_clarification", "call_tool", "need_approval", "escalate", "task_complete"):
        assert f"- {intent}: " in body


# ---------------------------------------------------------------- a good one


def test_a_prompt_is_read_and_rendered(tmp_path: Path):
    path = written(tmp_path)

    prompt = load_prompts([tmp_path], agents=[ONE])["one"]

    assert prompt == Prompt("one", "one", ("agent_name",), "Hello, I am {{ agent_name }}.\n", path)
    assert prompt.render(**VALUES) == "Hello, I am Saywhen.\n"
    assert prompt.render(agent_name="{{ language }}") == "Hello, I am {{ language }}.\n"


def test_a_value_that_is_missing_is_our_mistake(tmp_path: Path):
    written(tmp_path)

    with pytest.raises(ValueError, match="the prompt one needs a value for agent_name"):
        load_prompts([tmp_path], agents=[ONE])["one"].render()


def test_line_ends_and_a_byte_order_mark_do_not_change_the_text(tmp_path: Path):
    unix, windows = tmp_path / "unix", tmp_path / "windows"
    written(unix)
    written(windows).write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())

    texts = [load_prompts([folder], agents=[ONE])["one"].render(**VALUES) for folder in (unix, windows)]

    assert text_hash(texts[0]) == text_hash(texts[1])


def test_an_earlier_folder_stands_before_a_later_one(tmp_path: Path):
    own, ours = tmp_path / "own", tmp_path / "ours"
    written(own, GOOD.replace("Hello", "Moin"))
    written(ours)

    prompt = load_prompts([own, ours], agents=[ONE])["one"]

    assert prompt.body.startswith("Moin")


# ---------------------------------------------------------------- wrong ones


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: the file must begin with `---`"),
        ("Hello", "1: the file must begin with `---`"),
        ("---\nagent: one\nHello", "1: the file must begin with `---`"),
        ("---\nvariables:\n---\nHello", "3: the front matter does not say which `agent:`"),
        ("---\nagent: two\n---\nHello", "2: no agent is called 'two'; there are one"),
        (
            "---\nagent: one\nmodel: big\n---\nHello",
            "3: `model` is not a setting of a prompt; there are agent and",
        ),
        ("---\nagent: one\nagent: one\n---\nHello", "3: `agent` stands here twice"),
        (
            "---\nagent: one\nvariables: now\n---\n{{ now }}",
            "3: there is no variable 'now'; there are agent_name,",
        ),
        (
            "---\nagent: one\n---\n\nI am {{ agent_name }}",
            "5: {{ agent_name }} is not among the `variables:`",
        ),
        (
            "---\nagent: one\nvariables: language\n---\nHello",
            "3: the variable language is declared but not used",
        ),
        (
            "---\nagent: one\n---\nHello {{ agent_name }",
            "4: `{{` begins a variable, and this one is not whole",
        ),
        ("---\nagent: one\n---\nHello {{}}", "4: {{  }} is not among"),
        ("---\nagent: one\n---\n \n", "3: the prompt is empty"),
    ],
)
def test_what_is_wrong_is_said_with_its_file_and_line(tmp_path: Path, text: str, said: str):
    path = written(tmp_path, text)

    assert any(line.startswith(f"{path}:{said}") for line in problems(tmp_path)), problems(tmp_path)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path):
    written(tmp_path, "---\nagent: nobody\nmodel: x\n---\n{{ now }}")
    written(tmp_path, "---\n", name="two")

    places = [line.removeprefix(str(tmp_path)).split(": ")[0] for line in problems(tmp_path)]
    assert places == ["/one.md:2", "/one.md:3", "/one.md:5", "/two.md:1", "/one.md:2"]


def test_an_agent_without_its_prompt_stops_the_start(tmp_path: Path):
    written(tmp_path)

    assert problems(tmp_path, ONE, Agent("two", "another", "other")) == [
        f"{tmp_path / 'other.md'}: the prompt of the agent two is missing"
    ]


def test_a_prompt_of_another_agent_does_not_serve(tmp_path: Path):
    path = written(tmp_path)

    assert problems(tmp_path, ONE, Agent("two", "another", "one")) == [
        f"{path}:2: this is the prompt of the agent two, which `agent:` must name"
    ]


def test_a_folder_that_is_not_there_stops_the_start(tmp_path: Path):
    assert "there is no such folder of prompts" in problems(tmp_path / "none")[0]


def test_a_file_that_is_not_text_stops_the_start(tmp_path: Path):
    path = written(tmp_path)
    path.write_bytes(b"---\nagent: one\n---\n\xff\xfe")

    assert problems(tmp_path)[0].startswith(f"{path}:1: it cannot be read: ")
