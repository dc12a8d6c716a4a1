import traceback

import pytest
from hypothesis import given, strategies as st

from bot.one_line import error_line, one_line, safe_line
from bot.secrets import Redactor

SECRET = "s3cr3t-value-of-the-key"
clean = Redactor([SECRET])


def line(text: str) -> str:
    return safe_line(text, most=300, clean=clean)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot open /home/ann/.ssh/id_rsa now", "cannot open [path] now"),
        ("[Errno 2] No such file: '/home/ann/My Files/x y'", "[Errno 2] No such file: [path]"),
        (r"cannot open C:\Users\ann\x.txt", "cannot open [path]"),
        ("see file:///etc/passwd", "see [path]"),
        ("in bot/store/sqlite.py:12 and ~/code/x/y", "in [path] and [path]"),
        ("GET https://example.com/a/b?c=1 answered 404", "GET https://example.com/a/b?c=1 answered 404"),
        ("yes and/or no, 1/2, n/a", "yes and/or no, 1/2, n/a"),
        ("two\nlines\tand\x00 more\x1b[31m", "two lines and more [31m"),
        (f"token {SECRET} leaked", "token [redacted] leaked"),
        ("Authorization: Bearer abcdefghijkl", "Authorization: [redacted]"),
    ],
)
def test_a_line_has_no_path_no_secret_and_no_control_character(text: str, expected: str):
    assert line(text) == expected


def test_of_a_stack_trace_only_the_error_is_left():
    try:
        raise KeyError("colour")
    except KeyError:
        trace = traceback.format_exc()

    assert line(f"remote said: {trace}") == "remote said: KeyError: 'colour'"
    assert line(trace[: trace.index("raise")]) == ""


def test_an_exception_is_named_in_plain_words():
    class HTTPStatusError(Exception): ...

    assert error_line(HTTPStatusError("no"), most=300, clean=str) == "http status error: no"
    assert error_line(KeyError("colour"), most=300, clean=str) == "key error: 'colour'"
    assert error_line(TimeoutError(), most=300, clean=str) == "timeout error"


def test_an_exception_that_cannot_be_shown_is_still_named():
    class Odd(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert error_line(Odd(), most=300, clean=str) == "odd"


def test_a_secret_at_the_cut_is_taken_out_whole():
    for before in range(250, 330):
        text = "x" * before + SECRET + "y" * 50_000

        assert "s3cr" not in one_line(text, most=300, clean=clean)
        assert "s3cr" not in one_line(
            "a" * (before + 19_700) + SECRET + "b" * 9_000, most=30_000, clean=clean
        )


@given(st.text(), st.integers(1, 80))
def test_a_line_is_one_line_and_no_longer_than_asked(text: str, most: int):
    for made in (one_line(text, most=most, clean=clean), safe_line(text, most=most, clean=clean)):
        assert made.isprintable()
        assert len(made) <= most


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece", ["/a", "'/", 'File "', "a.", "a/", "{", "\\", "Traceback (most recent call last):"]
)
def test_no_text_makes_it_slow(piece: str):
    line(piece * 50_000)
