"""What a text costs: the two alphabets, and how many messages a network makes of it."""

import pytest
from hypothesis import given, strategies as st

from channels.sms.segments import GSM_BASIC, GSM_EXTENSION, cheapest, is_gsm, segments
from simulators.twilio.segments import segments as segments_by_others

LETTERS = st.sampled_from(
    [*sorted(GSM_BASIC | GSM_EXTENSION), "“", "’", "—", "…", "\u00a0", "•", "ж", "😀", "\u0301"]
)
TEXTS = st.text(alphabet=LETTERS, max_size=500) | st.text(max_size=300)


def test_the_tables_are_those_of_the_standard():
    assert len(GSM_BASIC) == 127  # 128 with the escape, which is no character
    assert sorted(GSM_EXTENSION) == sorted("\f^{}\\[~]|€")
    assert not GSM_BASIC & GSM_EXTENSION
    assert set("@£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà") <= GSM_BASIC
    assert not set("`çáíóúâêôûЖ“”’–—…") & (GSM_BASIC | GSM_EXTENSION)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("a" * 459, 3), ("a" * 460, 4),
        ("€" * 80, 1), ("€" * 80 + "a", 2), ("€" * 76 * 3, 3), ("€" * (76 * 3 + 1), 4),
        ("ж" * 70, 1), ("ж" * 71, 2), ("ж" * 134, 2), ("ж" * 135, 3), ("ж" * 201, 3), ("ж" * 202, 4),
        ("😀" * 35, 1), ("😀" * 36, 2), ("😀" * 66, 2), ("😀" * 67, 3), ("😀" * 99, 3), ("😀" * 100, 4),
        ("a" * 159 + "“", 3),
    ],
)  # fmt: skip
def test_a_text_costs_as_many_segments_as_the_network_makes_of_it(text: str, count: int):
    assert segments(text) == count


@given(TEXTS)
def test_the_count_is_the_one_that_the_simulated_twilio_comes_to(text: str):
    assert segments(text) == segments_by_others(text)


@given(TEXTS)
def test_no_segment_is_longer_than_it_may_be(text: str):
    units = (
        sum(2 if c in GSM_EXTENSION else 1 for c in text)
        if is_gsm(text)
        else len(text.encode("utf-16-le")) // 2
    )

    most, alone = (153, 160) if is_gsm(text) else (67, 70)
    assert segments(text) * most >= units or (segments(text) == 1 and units <= alone)
    assert (segments(text) - 1) * (most - 1) <= units


def test_typographic_marks_become_plain_ones_if_that_saves_the_alphabet():
    assert cheapest("“It’s – well… 5\u00a0€ — ‘ok’”") == "\"It's - well... 5 € - 'ok'\""
    assert cheapest("“ждём”") == "“ждём”"
    assert cheapest("naïve “quotes”") == "naïve “quotes”"  # ï is in neither table
    assert cheapest("…" * 160) == "…" * 160  # three characters each would take a segment more


@given(TEXTS)
def test_nothing_is_replaced_in_vain(text: str):
    found = cheapest(text)

    assert segments(found) <= segments(text)
    assert found == text or is_gsm(found)
