"""Links in answers that words of others may have influenced: G06 of the test matrix, and what must not be harmed."""

import re

import pytest
from hypothesis import given, strategies as st

from bot.links import without_links

ALLOWED = ("docs.example.org",)
EVIL = [
    "https://evil.example/?q=secret", "http://evil.example/secret", "HTTPS://EVIL.example/secret",
    "[click](https://evil.example/secret)", "[click]( <https://evil.example/secret> )",
    "[click](https://evil.example/secret 'title')", "![x](https://evil.example/secret.png)",
    "![](https://evil.example/secret.png)", "<https://evil.example/secret>", "<https://evil.example/secret|docs>",
    "[a]: https://evil.example/secret", "[a]: <https://evil.example/secret> 'title'",
    "see [a][b]\n\n[b]: //evil.example/secret",
    "//evil.example/secret", "www.evil.example/secret", "WWW.evil.example/secret", "ftp://evil.example/secret",
    "mailto:evil@evil.example?body=secret", "[m](mailto:x@evil.example?subject=secret)", "tel:+15550100;secret",
    "data:text/html;base64,secret", "[d](data:text/html,secret)",
    "javascript:fetch(secret)", "[j](javascript:secret)",
    "https://docs.example.org@evil.example/secret", "https://docs.example.org.evil.example/secret",
    "https://evil.example\\@docs.example.org/secret", "https:\\\\evil.example\\secret",
    "https://xn--dcs-example.evil/secret",
    "https://d\u043ecs.example.org/secret", "https://evil.example:8443/secret", "https://127.0.0.1/secret", "https://[::1]/secret",
    "[x](//evil.example/secret)", "[x](HtTpS://evil.example/secret)", "slack://channel?id=secret", "discord://-/secret",
    "wss://evil.example/secret", "file:///etc/secret", "(https://evil.example/secret)", "*https://evil.example/secret*",
    "`https://evil.example/secret`", "[https://docs.example.org](https://evil.example/secret)",
]  # fmt: skip


@pytest.mark.parametrize("text", EVIL)
def test_no_address_of_somebody_else_is_left(text: str):
    left = without_links(text, ALLOWED)

    assert "secret" not in left.replace("(link taken out", "")
    assert not re.search(r"(?i)(?:https?:|//|www\.|mailto:|data:|javascript:|tel:)\S*evil", left)


@pytest.mark.parametrize(
    "text",
    [
        "https://docs.example.org/a?b=c", "[docs](https://docs.example.org/a)", "<https://docs.example.org>",
        "https://sub.docs.example.org/x", "note: this is fine", "at 10:30", "a // comment", "`x = y // 2`",
        "one/two", "C:\\files", "see section 3.2", "ratio 3:1", "[1]: not a link",
    ],
)  # fmt: skip
def test_what_is_allowed_or_no_link_stays_as_it_is(text: str):
    assert without_links(text, ALLOWED) == text


@given(st.text(max_size=300))
def test_it_takes_any_text_and_doing_it_twice_changes_nothing_more(text: str):
    once = without_links(text, ALLOWED)

    assert without_links(once, ALLOWED) == once


@given(st.text(alphabet="[]()<>!:/\\.@ahtpsw |\n", max_size=400))
def test_no_scheme_with_a_foreign_host_is_left(text: str):
    assert not re.search(r"(?<![\w@/])https?://[a-z]", without_links(text, ALLOWED))
