"""The token that a conversation carries: it comes back from our own ids and addresses, and from nothing else."""

import pytest
from hypothesis import given, strategies as st

from channels.email.ids import (
    invite_uid,
    is_ours,
    message_id,
    reply_address,
    token,
    token_of_uid,
    tokens_in,
)

TOKEN = token(bytes(range(16)))
OTHER = token(bytes(16))
ID = message_id(TOKEN, "t1:4:0", "saywhen.test")
US = "bot@saywhen.test"

bits = st.binary(min_size=16, max_size=16)


def test_a_token_has_26_characters_of_base32():
    assert TOKEN == "aaaqeayeaudaocajbifqydiob4"


@pytest.mark.parametrize("size", [0, 15, 17])
def test_a_token_is_made_of_128_bits(size: int):
    with pytest.raises(ValueError, match="16 bytes"):
        token(bytes(size))


@given(bits, st.text())
def test_a_message_id_brings_its_token_back(bits: bytes, outbox_id: str):
    known = token(bits)

    written = message_id(known, outbox_id.encode("utf-8", "replace").decode(), "saywhen.test")

    assert tokens_in([written]) == (known,)
    assert is_ours(written, "saywhen.test")


@given(bits)
def test_a_reply_address_brings_its_token_back(bits: bytes):
    assert tokens_in([reply_address(US, token(bits))], address=US) == (token(bits),)


def test_the_same_message_has_the_same_id_and_another_has_not():
    again = message_id(TOKEN, "t1:4:0", "SAYWHEN.test")
    other = message_id(TOKEN, "t1:4:1", "saywhen.test")

    assert again == ID
    assert again == f"<sw.{TOKEN}.gtaziopxm4ejeh3auvezc7qo5y@saywhen.test>"
    assert other != ID


@pytest.mark.parametrize("domain", ["", "saywhen test", "a\r\nBcc: x", "süß.test", "a..b", "x@y", "a>b"])
def test_what_is_no_domain_makes_no_id(domain: str):
    with pytest.raises(ValueError, match="no domain"):
        message_id(TOKEN, "t1:4:0", domain)


@pytest.mark.parametrize(
    "bad", ["", "short", TOKEN[:-1] + "b", TOKEN.upper(), TOKEN + "a", "../" + TOKEN[3:]]
)
def test_what_is_no_token_is_put_nowhere(bad: str):
    for written in (
        lambda: message_id(bad, "o", "x.test"),
        lambda: reply_address(US, bad),
        lambda: invite_uid(bad, "k"),
    ):
        with pytest.raises(ValueError, match="no reply token"):
            written()


def test_each_token_is_found_once_and_in_order():
    other = message_id(OTHER, "t2:1:0", "saywhen.test")

    assert tokens_in([f"<a@b.c> {other}\t{ID}", ID, reply_address(US, OTHER)]) == (OTHER, TOKEN)


def test_mail_programs_may_change_the_case():
    assert tokens_in([ID.upper(), reply_address(US, OTHER).upper()]) == (TOKEN, OTHER)


@pytest.mark.parametrize(
    "value",
    [
        "", "<>", TOKEN, f"<{TOKEN}@saywhen.test>", f"sw.{TOKEN}.{TOKEN}@saywhen.test", ID[:-1], ID[1:],
        ID.replace("sw.", "xx."), ID.replace("@", "@ "), ID.replace("aaaq", "aaa1"), f"bot+{TOKEN}", f"+{TOKEN}@x.test",
        f"bot+{TOKEN}x@x.test", f"bot+x+{TOKEN}@x.test", f"Bot <bot+{TOKEN}@x.test>", f"bot-{TOKEN}@x.test",
        ID.replace("aaaq", "aaa\N{KELVIN SIGN}"),
    ],
)  # fmt: skip
def test_what_only_resembles_ours_has_no_token(value: str):
    assert tokens_in([value]) == ()


def test_only_our_own_domain_and_address_count_if_they_are_known():
    elsewhere = message_id(OTHER, "t1:4:0", "other.test")

    assert tokens_in([elsewhere, reply_address("sales@saywhen.test", OTHER)], address=US) == ()
    assert tokens_in([ID, reply_address(US, OTHER)], address=US.upper()) == (TOKEN, OTHER)


def test_an_address_that_would_get_too_long_goes_without():
    fits, too_long = "b" * 37 + "@x.test", "b" * 38 + "@x.test"

    assert reply_address(fits, TOKEN) == f"{'b' * 37}+{TOKEN}@x.test"
    assert reply_address(too_long, TOKEN) == too_long
    assert tokens_in([reply_address(fits, TOKEN)]) == (TOKEN,)


@pytest.mark.parametrize("domain", ["other.test", "sub.saywhen.test", "saywhen.test.evil", ""])
def test_an_id_of_another_domain_is_not_ours(domain: str):
    assert not is_ours(ID, domain)
    assert not is_ours(f"x{ID}", "saywhen.test")


def test_an_answer_to_an_invitation_finds_its_thread():
    assert token_of_uid(invite_uid(TOKEN, "t1:c4")) == TOKEN
    assert invite_uid(TOKEN, "t1:c4") != invite_uid(TOKEN, "t1:c5")
    for other in ("", "040000008200E00074C5B7101A82E008", f"sw.{TOKEN}", f"{invite_uid(TOKEN, 'k')}@x.test"):
        assert token_of_uid(other) == ""


@given(st.text(), st.text())
def test_no_text_breaks_the_search(value: str, address: str):
    tokens_in([value], address=address)
    is_ours(value, address)
    token_of_uid(value)


@pytest.mark.parametrize(
    "value",
    ["<sw." * 100_000, "a+" * 200_000 + "@", ID[:-1] + ".a" * 200_000, "a" * 500_000, ID[:-1] * 5000],
)  # fmt: skip
@pytest.mark.timeout(60)
def test_no_text_makes_the_search_slow(value: str):
    assert tokens_in([value, value[1:]]) == ()
