"""The longer texts that the demo brain says."""

INTRODUCTION = "(I am the demo brain: simple rules, no language model.)"

ABILITIES = """\
- remind you: "remind me in 20 minutes to stretch", "remind me tomorrow at 9 to call Ann"
- write to somebody: "send Bob an SMS saying: the deploy starts at 5"
- write an e-mail: "send an e-mail to sarah@example.org saying: lunch at one?"
- invite somebody: "schedule a meeting with Sarah next Tuesday at 3 PM"
- run a job: "deploy v1.2 to staging"
- ask somebody: "ask Bob whether lunch is at 1"
- say what I wait for: "is it done?", and take it back: "never mind, take it back"
- list what is open: "what reminders are open?"
- tell the time: "what time is it in Tokyo?"
- do sums: "what is 17*23"
- repeat: "say good morning"
- show long text: "long answer"
- fetch a person: "talk to a person"\
"""

HELP = f"This is what I can do:\n\n{ABILITIES}"

ABOUT = """\
I am Saywhen's demo brain: a handful of simple rules that stand in for a language model, so that you can try \
the bot without a key. Everything around me is the real thing: the threads, the tools, the reminders, the \
channels. With ANTHROPIC_API_KEY set, Claude thinks in my place."""


def long_answer() -> str:
    """Several thousand characters of Markdown with everything that a channel must split and render."""
    sections = [
        f"## Part {n}\n\n"
        f"This is part {n} of a long answer, written so that you can see how a channel splits and renders "
        "text. Paragraphs stay whole where they can, **bold** and *italic* words stay what they are, and "
        "`code` keeps its spaces. A link looks [like this](https://example.com/part).\n\n"
        f"- the first point of part {n}\n- the second point, a little longer than the first\n"
        f"    - a point below the second\n- the last point of part {n}\n"
        for n in range(1, 11)
    ]
    table = "| step | who | what |\n|---|---|---|\n" + "\n".join(
        f"| {n} | {who} | {what} |"
        for n, (who, what) in enumerate(
            [("person", "writes"), ("bot", "decides"), ("tool", "acts"), ("bot", "replies")], start=1
        )
    )
    code = (
        "```python\n"
        "def advance(thread: Thread) -> Thread:\n"
        '    """Until there is nothing to do: decide, write down, act."""\n'
        "    while action := next_action(thread):\n"
        "        thread = record(thread, perform(action))\n"
        "    return thread\n"
        "```"
    )
    return (
        "# A long answer\n\n"
        + "\n".join([*sections[:5], table, "", code, "", *sections[5:]])
        + "\nThat was all."
    )
