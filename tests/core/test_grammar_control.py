import time

import pytest

from bot.grammar import control, read


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("stop", "stop"), ("STOP", "stop"), ("Stop.", "stop"), ("stop!", "stop"), (" stop\n", "stop"),
        ("ｓｔｏｐ", "stop"), ("@saywhen stop", "stop"), ("@saywhen: stop", "stop"), ("<@U123> stop", "stop"),
        ("<@U123|saywhen>, STOP!", "stop"), ("<@!123>stop", "stop"), ("pause", "pause"), ("Pause .", "pause"),
        ("resume", "resume"), ("<@U123>\nresume", "resume"),
    ],
)  # fmt: skip
def test_a_message_of_one_steering_word_steers(text, word):
    assert control(text) == word


@pytest.mark.parametrize(
    "text",
    [
        "", "stop it", "please stop", "stop stop", "stopp", "STOPALL", "stop?", "stop!!", "stop...", "> stop",
        "s\u200btop", "ѕtop", "\u017ftop", "don't stop", "pause for a moment", "resume please", "CANCEL", "END", "QUIT",
        "<@U123> <@U124> stop", "<@U123>", "@stop", "saywhen stop", "stop 7K3PWX", "ok", "START", "unpause", "stop\x00",
    ],
)  # fmt: skip
def test_anything_more_than_the_word_does_not_steer(text):
    assert control(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "OK 7K3PWX" + " " * 100_000 + "x", "NO 7K3PWX" + " " * 100_000, " " * 100_000, "7K3PWX " * 15_000,
        "(" * 100_000, "ok " * 30_000, "A" * 100_000, "ﷺ" * 30_000, "\n" * 50_000 + ">", "o k " * 25_000,
        "stop" + " " * 100_000 + "x", "@a " + " " * 100_000, "<@A" + "|" * 100_000,
    ],
)  # fmt: skip
def test_a_long_text_is_read_at_once(text):
    before = time.process_time()

    read(text)
    control(text)

    assert time.process_time() - before < 1
