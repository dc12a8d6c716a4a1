"""Tokens that cannot be right are refused before a provider sees them."""

import pytest

REAL = "xoxb-1234567890-abcdefghijkl"
WRONG = [
    ("SLACK_BOT_TOKEN", "xapp-1-A1-1234", "a Slack app-level token"),
    ("SLACK_BOT_TOKEN", "xoxp-1234567", "a Slack user token"),
    ("SLACK_BOT_TOKEN", "sk-ant-12345", "an Anthropic key"),
    ("SLACK_BOT_TOKEN", "abcdefgh", "begins otherwise"),
    ("SLACK_APP_TOKEN", REAL, "a Slack bot token"),
    ("SLACK_APP_TOKEN", "abcdefgh", "begins otherwise"),
    ("SLACK_SIGNING_SECRET", REAL, "a Slack bot token"),
    ("ANTHROPIC_API_KEY", REAL, "a Slack bot token"),
    ("API_TOKEN", "sk-ant-12345", "an Anthropic key"),
    ("API_TOKEN", "short", "only 5 characters"),
    ("SLACK_BOT_TOKEN", "changeme", "a placeholder"),
    ("SLACK_BOT_TOKEN", "xoxb-changeme", "a placeholder"),
    ("SLACK_BOT_TOKEN", "xoxb-", "a placeholder"),
    ("SLACK_BOT_TOKEN", "xoxb-...", "a placeholder"),
    ("SLACK_BOT_TOKEN", "xoxb-your-token-here", "a placeholder"),
    ("SLACK_APP_TOKEN", "<your app token>", "a character that no token has"),
    ("SLACK_APP_TOKEN", "<app-token>", "a placeholder"),
    ("ANTHROPIC_API_KEY", "sk-ant-xxx", "a placeholder"),
    ("ANTHROPIC_API_KEY", "${ANTHROPIC_KEY}", "a placeholder"),
    ("API_TOKEN", "CHANGE_ME", "a placeholder"),
    ("SLACK_BOT_TOKEN", f" {REAL}", "space or a line break"),
    ("SLACK_BOT_TOKEN", f"{REAL}\n", "space or a line break"),
    ("SLACK_BOT_TOKEN", f'"{REAL}"', "quotes"),
    ("SLACK_BOT_TOKEN", "xoxb-123 456", "a character that no token has"),
    ("SLACK_BOT_TOKEN", "xoxb-123–456", "a character that no token has"),
]


@pytest.mark.parametrize(("name", "value", "found"), WRONG)
def test_a_token_that_cannot_be_right_is_refused_without_being_shown(write, refuse, name, value, found):
    write()

    problem = refuse({name: value})[0]

    assert problem.where == f"environment {name}"
    assert found in problem.found
    assert REAL not in str(problem)


def test_swapped_slack_tokens_are_both_told(write, refuse):
    write()

    keys = [
        problem.key for problem in refuse({"SLACK_BOT_TOKEN": "xapp-1-x1", "SLACK_APP_TOKEN": "xoxb-1-x1"})
    ]

    assert keys == ["channels.slack.bot_token", "channels.slack.app_token"]


def test_a_token_in_the_file_is_looked_at_as_well(write, refuse):
    write(local='[channels.slack]\nbot_token = ""\n')

    (problem,) = refuse()

    assert (problem.where, problem.found) == ("config.local.toml:2", "an empty text")


def test_a_stand_in_may_have_tokens_of_its_own_form_but_not_swapped_ones(write, read, refuse):
    write()
    stand_in = {"SLACK_API_URL": "http://127.0.0.1:9/api/"}

    assert read({**stand_in, "SLACK_BOT_TOKEN": "test-bot", "SLACK_APP_TOKEN": "test-app"}).channels.slack.on
    assert refuse({**stand_in, "SLACK_BOT_TOKEN": "xapp-test"})
    assert refuse({"SLACK_API_URL": "https://slack.com/api/", "SLACK_BOT_TOKEN": "test-bot"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK_BOT_TOKEN", "xoxb-test-token"),
        ("SLACK_BOT_TOKEN", "xoxe.xoxb-1-Mi0yLT"),
        ("SLACK_APP_TOKEN", "xapp-fake"),
        ("ANTHROPIC_API_KEY", "sk-ant-test"),
        ("ANTHROPIC_API_KEY", "anything-for-a-proxy"),
        ("API_TOKEN", "correct-horse"),
    ],
)
def test_a_token_that_may_be_right_is_taken(write, read, name, value):
    write()

    assert value in [secret.reveal() for secret in read({name: value}).secrets()]
