from hypothesis import given, strategies as st

from channels.slack import mrkdwn
from channels.slack.mrkdwn import PLAIN, Line, Span, lines

texts = st.from_regex(PLAIN, fullmatch=True) | st.text(alphabet="ab A1é日 ,.;:?!'\"()%-_*`<&[#+~|\\/@=\t\n")


@given(texts)
def test_a_plain_line_reads_as_it_would_if_it_were_parsed(text):
    parsed = mrkdwn._Reader().read(mrkdwn._MARKDOWN.parse(text))

    if PLAIN.fullmatch(text):
        assert lines(text) == parsed == [Line((Span(text),))]


def test_a_usual_reply_is_plain_and_markup_is_not():
    assert PLAIN.fullmatch("It leaves on Tuesday, and it arrives on Thursday before noon.")
    for markup in (
        "- a list",
        "1. first",
        "see https://example.com",
        "**bold**",
        "a_b",
        "two\nlines",
        "a & b",
    ):
        assert not PLAIN.fullmatch(markup)
