"""What the tests of the demo brain put before it: events as the prompt shows them, a situation and a schema."""

import html
import json

from simulators.brain import answer
from tests.simulators.messages_kit import obj

TEXT = {"type": "string"}
MAYBE = {"anyOf": [TEXT, {"type": "null"}]}
JOB = obj(job={"const": "deploy-staging"}, tag=MAYBE)
JOBS = obj(
    job={"enum": ["deploy-staging", "restart-web", "clean"]},
    tag=MAYBE,
    count={"anyOf": [{"type": "integer"}, {"type": "null"}]},
    force={"anyOf": [{"type": "boolean"}, {"type": "null"}]},
)


def step_schema(job=JOB):
    tools = {
        "send_message": obj(to=TEXT, channel=TEXT, text=TEXT),
        "ask_person": obj(to=TEXT, question=TEXT, options={"type": "array", "items": TEXT}),
        "withdraw": obj(seq={"type": "integer"}),
        "remind": obj(text=TEXT, when=TEXT),
        "current_time": obj(timezone=TEXT),
    } | ({"run_job": job} if job else {})
    calls = [obj(tool={"const": name}, args=args) for name, args in tools.items()]
    return obj(
        intent={"enum": ["reply", "need_clarification", "call_tool", "escalate", "task_complete"]},
        message=TEXT,
        confidence={"type": "number"},
        proposed_action={"anyOf": [{"type": "null"}, *calls]},
    )


def message(text, seq=2):
    return f'<message seq="{seq}" from="ann">{html.escape(text, quote=False)}</message>'


def own(tool, seq=5, **args):
    step = {
        "intent": "call_tool",
        "message": "",
        "confidence": 0.9,
        "proposed_action": {"tool": tool, "args": args},
    }
    return f'<step seq="{seq}">{html.escape(json.dumps(step), quote=False)}</step>'


def approval(status, text="", seq=20, tool="run_job", by="carol"):
    who = f' by="{by}"' if by else ""
    inner = html.escape(text, quote=False)
    return f'<approval seq="{seq}" of="6" tool="{tool}" status="{status}"{who}>{inner}</approval>'


def request(*events, waiting=(), job=JOB):
    lines = ["now: 2026-11-23T10:12:05+01:00 Monday (Europe/Berlin)", "channel: slack"]
    lines += ["waiting for:", *(html.escape(line, quote=False) for line in waiting)] if waiting else []
    situation = "<situation>\n" + "\n".join(lines) + "\n</situation>\nWhat is the next step?"
    content = [{"type": "text", "text": text} for text in (*events, situation)]
    schema = {"format": {"type": "json_schema", "schema": step_schema(job)}}
    return {"messages": [{"role": "user", "content": content}], "output_config": schema}


def says(*events, **more):
    return answer(request(*events, **more))


def called(words, **more):
    return says(message(words), **more)["proposed_action"]


YES = '- seq 7: a yes, until 2026-11-23T14:12:05+01:00: run_job {"job":"deploy-staging","tag":"v1.2"}'
LATER = (
    '- seq 17: a yes of carol, until 2026-11-23T14:20:05+01:00: send_message {"text":"hi: you","to":"Bob"}'
)
ANSWER = "- seq 9: an answer of bob: Lunch: at 1?"
RUNNING = "- seq 12: run_job, still running"


def denied(text="not done: carol said no"):
    return f'<tool_result seq="21" tool="run_job" status="denied">{text}</tool_result>'


STARTED = '<task seq="22" tool="run_job" status="started"/>'
ASKED = own("run_job", job="deploy-staging", tag="v1.2")
OUTPUT = "exit code 0 after 2.1 s; its output:\nstaging: switching over (v1.2)\nstaging runs v1.2 now"


def ended(status, text, seq=30):
    return f'<task seq="{seq}" status="{status}">{text}</task>'
