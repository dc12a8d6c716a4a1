"""The demo brain where others have to act: messages, jobs, questions, and requests that wait for a yes."""

import html
import json

import pytest

from tests.simulators.brain_kit import ANSWER, JOBS, LATER, RUNNING, YES, approval, called, message, own, says

# ---------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("words", "to", "channel", "text"),
    [
        ("send Bob an SMS saying: the deploy starts at 5", "Bob", "sms", "the deploy starts at 5"),
        ("Please send bob a text message that says we are late.", "bob", "sms", "we are late."),
        ("can you send an SMS to Bob: hi?", "Bob", "sms", "hi?"),
        ("send a message to carol via slack saying hello  there", "carol", "slack", "hello  there"),
        ("text bob: the deploy starts at 5", "bob", "sms", "the deploy starts at 5"),
        ("text @bob that lunch is ready", "bob", "sms", "lunch is ready"),
        ("tell Bob by SMS that lunch is at 1", "Bob", "sms", "lunch is at 1"),
        ("tell bob that lunch is at 1", "bob", "", "lunch is at 1"),
        ("let Bob know by text: we won!", "Bob", "sms", "we won!"),
        ("message carol on slack: two lines\nand <b> & more", "carol", "slack", "two lines\nand <b> & more"),
        ("message carol: hello", "carol", "", "hello"),
        ('send Bob an SMS saying "remind me in 2 seconds"', "Bob", "sms", "remind me in 2 seconds"),
        ('text bob: "a" or "b"', "bob", "sms", '"a" or "b"'),
        (f"text bob: {'long ' * 300}end", "bob", "sms", f"{'long ' * 300}end"),
    ],
)
def test_a_message_goes_out_word_for_word(words, to, channel, text):
    args = {"to": to, "channel": channel, "text": text}

    assert called(words) == {"tool": "send_message", "args": args}


@pytest.mark.parametrize(
    "words",
    [
        "message received, thanks",
        "text me: hi",
        "send an SMS",
        "write a poem",
        "tell me a story",
        "send help",
        "texting",
    ],
)
def test_what_only_sounds_like_a_message_is_not_sent(words):
    assert called(words) is None


def test_a_message_without_a_text_is_asked_about_and_the_answer_completes_it():
    asked = says(message("send Bob an SMS"))
    question = f'<step seq="3">{html.escape(json.dumps(asked), quote=False)}</step>'

    step = says(message("send Bob an SMS"), question, message("the deploy starts at 5", seq=5))

    assert asked["intent"] == "need_clarification"
    assert step["proposed_action"]["args"] == {
        "to": "Bob",
        "channel": "sms",
        "text": "the deploy starts at 5",
    }


# ---------------------------------------------------------------- jobs


@pytest.mark.parametrize(
    ("words", "tag"),
    [
        ("deploy staging", None),
        ("Deploy to staging!", None),
        ("please deploy staging now", None),
        ("deploy v1.2 to staging", "v1.2"),
        ("deploy version 1.2 to the staging", "1.2"),
        ("deploy it to staging", None),
        ("please run deploy-staging with tag v3", "v3"),
        ("run the job deploy-staging", None),
        ("could you run deploy-staging, tag=v3.", "v3"),
        ("deploy-staging", None),
        ("deploy staging with version v7 please", "v7"),
    ],
)
def test_a_deployment_is_a_call_of_the_job_and_what_is_not_said_stays_null(words, tag):
    assert called(words) == {"tool": "run_job", "args": {"job": "deploy-staging", "tag": tag}}


def test_the_parameters_of_other_jobs_have_their_types():
    args = {"job": "restart-web", "tag": None, "count": 3, "force": True}

    assert called("run restart-web with count 3 and force yes", job=JOBS)["args"] == args
    assert called("run clean", job=JOBS)["args"] == {
        "job": "clean",
        "tag": None,
        "count": None,
        "force": None,
    }


@pytest.mark.parametrize(
    "words",
    [
        "deploy production",
        "deploy staging and then wipe the disk",
        "deploy",
        "deploy staging with count many",
    ],
)
def test_what_is_not_understood_as_a_whole_is_not_run(words):
    step = says(message(words), job=JOBS)

    assert step["proposed_action"] is None
    assert "deploy-staging" in step["message"]


def test_where_no_job_is_offered_none_is_run():
    assert says(message("deploy staging"), job=None)["proposed_action"] is None


# ---------------------------------------------------------------- questions


@pytest.mark.parametrize(
    ("words", "question", "options"),
    [
        ("ask Bob whether lunch is at 1", "Lunch is at 1?", ["yes", "no"]),
        ('ask Bob if he comes (options "yes, no or later")', "He comes?", ["yes", "no", "later"]),
        ("ask Bob: tea or coffee?", "Tea or coffee?", ["tea", "coffee"]),
        ("ask Bob what he wants for lunch", "What he wants for lunch?", []),
        ("ask Bob by SMS whether lunch is at 1", "Lunch is at 1?", ["yes", "no"]),
    ],
)
def test_a_question_to_somebody_else_is_asked_there(words, question, options):
    args = {"to": "Bob", "question": question, "options": options}

    assert called(words) == {"tool": "ask_person", "args": args}


def test_an_answer_is_passed_on_with_its_question():
    asked = own("ask_person", to="Bob", question="Lunch is at 1?", options=["yes", "no"])

    step = says(message("ask Bob whether lunch is at 1"), asked, '<answer seq="9" from="bob">yes</answer>')

    assert step["message"].startswith('bob answered to "Lunch is at 1?": yes')


def test_an_answer_that_never_came_is_said_so():
    asked = own("ask_person", to="Bob", question="Lunch?", options=[])

    step = says(message("x"), asked, '<answer seq="9" status="nobody answered in time"/>')

    assert 'no answer to "Lunch?": nobody answered in time' in step["message"]


# ---------------------------------------------------------------- what waits


@pytest.mark.parametrize(
    "words",
    [
        "withdraw it",
        "never mind, take it back",
        "Nevermind",
        "cancel that.",
        "please take it back",
        "withdraw my request",
    ],
)
def test_taking_it_back_names_the_latest_request_that_waits(words):
    assert called(words, waiting=[YES, ANSWER, LATER]) == {"tool": "withdraw", "args": {"seq": 17}}


def test_where_nothing_waits_nothing_is_taken_back():
    assert "No request" in says(message("withdraw it"))["message"]
    assert says(message("never mind"))["message"].startswith("All right.")


def test_a_withdrawal_is_confirmed_with_what_still_waits():
    done = '<tool_result seq="30" tool="withdraw" status="ok">withdrawn</tool_result>'

    step = says(message("withdraw it"), own("withdraw", seq=17), done, waiting=[YES])

    assert "taken it back" in step["message"]
    assert "deploy-staging (tag v1.2)" in step["message"]


@pytest.mark.parametrize(
    "words",
    [
        "is it done?",
        "Is it deployed yet?",
        "any news?",
        "what are you waiting for?",
        "did carol answer?",
        "status",
    ],
)
def test_who_asks_meanwhile_is_told_what_waits_for_whom(words):
    text = says(message(words), waiting=[YES, LATER, ANSWER, RUNNING])["message"]

    assert "deploy-staging (tag v1.2): needs a person's yes, until 2026-11-23 14:12" in text
    assert 'the message to Bob ("hi: you"): needs carol\'s yes' in text
    assert "bob has not answered yet: Lunch: at 1?" in text
    assert "the job is still running" in text


def test_who_says_something_else_meanwhile_is_reminded_of_what_waits():
    assert "deploy-staging" in says(message("please order a pizza"), waiting=[YES])["message"]


@pytest.mark.parametrize(
    ("end", "part"),
    [
        (approval("rejected", "too late"), "rejected by carol: too late"),
        (approval("expired", by=""), "not decided in time"),
        (approval("approved"), "approved by carol"),
        ("", "Nothing is waiting"),
    ],
)
def test_who_asks_afterwards_is_told_how_it_ended(end, part):
    text = says(message("deploy staging"), *filter(None, [end]), message("is it done?", seq=40))["message"]

    assert part in text
