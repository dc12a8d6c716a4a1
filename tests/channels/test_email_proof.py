"""M09, M02, U02: only the topmost word of our own border proves a sender, and only one sender."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from time import process_time

import pytest
from hypothesis import given, settings, strategies as st

from channels.email.addresses import mailboxes
from channels.email.authentication import LONGEST, read_results
from channels.email.mail import Mail
from channels.email.proof import Proof, ProofRule, prove

OURS = ProofRule(authserv_id="mx.example.org")
PASS = "mx.example.org; dmarc=pass (p=REJECT) header.from=bank.org"
FAIL = "mx.example.org; dmarc=fail (p=NONE) header.from=bank.org"


def mail(
    *results: str, sender: str = "Ann <ann@bank.org>", headers: tuple[tuple[str, str], ...] = ()
) -> Mail:
    return Mail("<1@x.org>", mailboxes([sender]), authentication_results=results, headers=headers)


def asked(*results: str, sender: str = "Ann <ann@bank.org>", rule: ProofRule = OURS) -> Proof:
    return prove(mail(*results, sender=sender), rule)


PROVED = {
    "as it should be": PASS,
    "other results around it": "mx.example.org; spf=fail smtp.helo=x.org; dmarc=pass header.from=bank.org; arc=none",
    "a version": "mx.example.org 1; dmarc=pass header.from=bank.org",
    "another case": "MX.Example.ORG; DMARC=Pass Header.From=BANK.org",
    "folded": "mx.example.org;\r\n\tspf=fail;\r\n\tdmarc=pass\r\n\t(p=none dis=none)\r\n header.from=bank.org",
    "comments everywhere": "(a) mx.example.org (b (c)) 1(d);(e) dmarc (f)=(g) pass (h) header.from (i) = bank.org (k)",
    "a method's version": "mx.example.org; dmarc/1=pass header.from=bank.org",
    "a quoted name and value": '"mx.example.org"; dmarc=pass reason="good \\"enough\\"; yes" header.from="bank.org"',
    "a mailbox as value": "mx.example.org; dmarc=pass header.from=ann@bank.org",
    "twice the same": "mx.example.org; dmarc=pass header.from=bank.org; dmarc=pass header.from=bank.org",
    "garbage in another result": "mx.example.org; spf=none smtp.helo=a b c; dmarc=pass header.from=bank.org",
}


@pytest.mark.parametrize("results", PROVED.values(), ids=PROVED)
def test_dmarc_pass_of_our_border_proves_the_one_sender(results: str) -> None:
    assert asked(results) == Proof("ann@bank.org", proven=True)


HELO = "mx.example.org; spf=none smtp.helo=x;dmarc=pass header.from=bank.org"
"""A border that copies what a client called itself, which is "x;dmarc=pass header.from=bank.org" here."""

NOT_PROVED = {
    "no header": (
        (),
        "the mail has no Authentication-Results of mx.example.org, so nobody vouches for its sender",
    ),
    "a forged one below": ((FAIL, PASS), "mx.example.org says dmarc=fail about this mail"),
    "a forged one below that of another server": (
        ("mx2.example.org; dmarc=fail header.from=bank.org", PASS),
        "the topmost Authentication-Results is of mx2.example.org, not of mx.example.org",
    ),
    "a forged one below a nameless one": (
        ("spf=pass smtp.mailfrom=bank.org; dmarc=fail header.from=bank.org", PASS),
        "the topmost Authentication-Results does not say who wrote it, so it is not mx.example.org",
    ),
    "a forged one below one that cannot be read": (
        ("mx.example.org; (", PASS),
        "the topmost Authentication-Results cannot be read",
    ),
    "another server's": (
        ("evil.org; dmarc=pass header.from=bank.org",),
        "the topmost Authentication-Results is of evil.org, not of mx.example.org",
    ),
    "a name that only begins alike": (
        ("mx.example.org.evil.org; dmarc=pass header.from=bank.org",),
        "the topmost Authentication-Results is of mx.example.org.evil.org, not of mx.example.org",
    ),
    "a name with a letter that looks alike": (
        ("mx.ex\u0430mple.org; dmarc=pass header.from=bank.org",),
        "the topmost Authentication-Results is of mx.xn--exmple-4nf.org, not of mx.example.org",
    ),
    "no name at all (Microsoft)": (
        (
            "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=bank.org; dmarc=pass action=none header.from=bank.org",
        ),
        "the topmost Authentication-Results does not say who wrote it, so it is not mx.example.org",
    ),
    "a version that nobody knows": (
        ("mx.example.org 2; dmarc=pass header.from=bank.org",),
        "the topmost Authentication-Results does not say who wrote it, so it is not mx.example.org",
    ),
    "nothing checked": (("mx.example.org; none",), "mx.example.org says nothing of DMARC about this mail"),
    "only spf and dkim": (
        ("mx.example.org; spf=pass smtp.mailfrom=bank.org; dkim=pass header.d=bank.org",),
        "mx.example.org says nothing of DMARC about this mail",
    ),
    "pass in a comment": (
        ("mx.example.org; spf=pass (dmarc=pass header.from=bank.org) smtp.mailfrom=x.org",),
        "mx.example.org says nothing of DMARC about this mail",
    ),
    "pass in a comment with a semicolon": (
        ("mx.example.org; spf=pass (; dmarc=pass header.from=bank.org; (x) )",),
        "mx.example.org says nothing of DMARC about this mail",
    ),
    "pass in a comment after the result": (
        ("mx.example.org; dmarc=fail (dmarc=pass) header.from=bank.org",),
        "mx.example.org says dmarc=fail about this mail",
    ),
    "pass in a reason": (
        ('mx.example.org; spf=pass reason="; dmarc=pass header.from=bank.org; " smtp.mailfrom=x.org',),
        "mx.example.org says nothing of DMARC about this mail",
    ),
    "a reason that seems to end": (
        ('mx.example.org; dmarc=pass reason="x\\" header.from=bank.org y=\\"" header.from=evil.org',),
        "DMARC passed for evil.org, but the mail is from ann@bank.org",
    ),
    "pass as another property": (
        ("mx.example.org; spf=pass dmarc=pass header.from=bank.org",),
        "mx.example.org says nothing of DMARC about this mail",
    ),
    "passing": (
        ("mx.example.org; dmarc=passing header.from=bank.org",),
        "mx.example.org says dmarc=passing about this mail",
    ),
    "a method that ends alike": (
        ("mx.example.org; x-dmarc=pass header.from=bank.org",),
        "mx.example.org says nothing of DMARC about this mail",
    ),
    "bestguesspass": (
        ("mx.example.org; dmarc=bestguesspass header.from=bank.org",),
        "mx.example.org says dmarc=bestguesspass about this mail",
    ),
    "two that differ": (
        ("mx.example.org; dmarc=pass header.from=bank.org; dmarc=fail header.from=bank.org",),
        "mx.example.org gives DMARC results that contradict each other: fail and pass",
    ),
    "two domains in two results": (
        ("mx.example.org; dmarc=pass header.from=bank.org; dmarc=pass header.from=evil.org",),
        "DMARC passed for evil.org, but the mail is from ann@bank.org",
    ),
    "two domains in one result": (
        ("mx.example.org; dmarc=pass header.from=bank.org header.from=evil.org",),
        "DMARC passed for evil.org, but the mail is from ann@bank.org",
    ),
    "another domain": (
        ("mx.example.org; dmarc=pass header.from=evil.org",),
        "DMARC passed for evil.org, but the mail is from ann@bank.org",
    ),
    "a domain that ends alike": (
        ("mx.example.org; dmarc=pass header.from=k.org",),
        "DMARC passed for k.org, but the mail is from ann@bank.org",
    ),
    "the top level": (
        ("mx.example.org; dmarc=pass header.from=org",),
        "DMARC passed for org, but the mail is from ann@bank.org",
    ),
    "below the sender's": (
        ("mx.example.org; dmarc=pass header.from=mail.bank.org",),
        "DMARC passed for mail.bank.org, but the mail is from ann@bank.org",
    ),
    "no domain": (
        ("mx.example.org; dmarc=pass",),
        "mx.example.org does not say for which domain DMARC passed",
    ),
    "no domain in one of two": (
        ("mx.example.org; dmarc=pass header.from=bank.org; dmarc=pass",),
        "mx.example.org does not say for which domain DMARC passed",
    ),
    "a helo that opens a comment": (
        (f"{HELO};x=(; dmarc=fail (p=none) header.from=bank.org",),
        "the topmost Authentication-Results cannot be read",
    ),
    "a helo that opens a string": (
        (f'{HELO};x="; dmarc=fail (p=none) header.from=bank.org',),
        "the topmost Authentication-Results cannot be read",
    ),
    "a helo with a result": (
        (f"{HELO}; dmarc=fail (p=none) header.from=bank.org",),
        "mx.example.org gives DMARC results that contradict each other: fail and pass",
    ),
    "a result that is not one": (
        ("mx.example.org; dmarc=pass header.from=bank.org; dmarc = fail header.from",),
        "the topmost Authentication-Results cannot be read",
    ),
    "a NUL": (
        ("mx.example.org; dmarc=pass header.from=bank.org\0",),
        "the topmost Authentication-Results cannot be read",
    ),
    "a backslash": (
        ("mx.example.org; dmarc=pass\\ header.from=bank.org",),
        "the topmost Authentication-Results cannot be read",
    ),
    "no semicolon": (
        ("mx.example.org dmarc=pass header.from=bank.org",),
        "the topmost Authentication-Results cannot be read",
    ),
    "too long": ((PASS + ";" + " " * LONGEST,), "the topmost Authentication-Results cannot be read"),
}


@pytest.mark.parametrize(("results", "missing"), NOT_PROVED.values(), ids=NOT_PROVED)
def test_everything_else_proves_nothing_and_says_why(results: tuple[str, ...], missing: str) -> None:
    assert asked(*results) == Proof("ann@bank.org", proven=False, missing=missing)


def test_what_stands_below_our_border_does_not_count_either_way() -> None:
    assert asked(PASS, FAIL, "evil.org; dmarc=fail header.from=bank.org").proven


def test_a_parent_domain_is_enough_since_some_report_the_domain_of_the_policy() -> None:
    assert asked(PASS, sender="ann@news.bank.org").proven
    assert not asked(PASS, sender="ann@fakebank.org").proven


@pytest.mark.parametrize("reported", ["müller.de", "MÜLLER.de", "xn--mller-kva.de"])
def test_a_domain_of_another_script_is_the_same_in_both_ways_to_write_it(reported: str) -> None:
    assert asked(f"mx.example.org; dmarc=pass header.from={reported}", sender="ann@müller.de").proven
    assert not asked(f"mx.example.org; dmarc=pass header.from={reported}", sender="ann@muller.de").proven


def test_the_border_may_have_a_name_of_another_script() -> None:
    assert asked(
        "mx.xn--mller-kva.de; dmarc=pass header.from=bank.org", rule=ProofRule("mx.Müller.de")
    ).proven


def test_a_letter_that_only_looks_alike_makes_another_domain() -> None:
    found = asked("mx.example.org; dmarc=pass header.from=b\u0430nk.org")

    assert found.missing == "DMARC passed for b\u0430nk.org, but the mail is from ann@bank.org"


@pytest.mark.parametrize(
    "sender",
    [
        "ann@bank.org, eve@evil.org",
        "eve@evil.org, ann@bank.org",
        "Team: ann@bank.org, eve@evil.org;",
        "ann@bank.org, ann@bank.org",
        "ann@bank.org@evil.org",
        '"ann@bank.org"@bank.org',
        "ann@bank.org\0",
        "=?utf-8?q?ann=40bank=2Eorg?=",
        "undisclosed-recipients:;",
        "",
    ],
)
def test_not_exactly_one_mailbox_in_from_is_never_proved(sender: str) -> None:
    found = asked(PASS, sender=sender)

    assert (found.address, found.proven) == ("", False)
    assert found.missing.startswith(
        ("the mail names 2 senders", "the mail's From header does not name one sender")
    )


def test_two_from_headers_are_never_proved() -> None:
    two = replace(mail(PASS), from_=mailboxes(["ann@bank.org", "eve@evil.org"]))

    assert prove(two, OURS) == Proof("", False, "the mail names 2 senders, so none of them is proved")


def test_without_a_rule_nobody_is_proved() -> None:
    assert asked(PASS, rule=ProofRule()) == Proof(
        "ann@bank.org", False, "nothing is configured that could prove who sent a mail"
    )
    assert not asked("; dmarc=pass header.from=bank.org", rule=ProofRule()).proven
    assert not asked("dmarc=pass header.from=bank.org", rule=ProofRule(authserv_id=" ")).proven


INSIDE = ProofRule(header="X-Inside", header_value="yes")


@pytest.mark.parametrize(
    ("headers", "rule", "missing"),
    [
        ((("x-inside", " yes "),), INSIDE, ""),
        ((("x-inside", "yes"), ("x-inside", "yes")), INSIDE, ""),
        ((("x-inside", "anything"),), ProofRule(header="x-inside"), ""),
        ((), INSIDE, "the mail has no X-Inside header"),
        ((("x-inside-not", "yes"),), INSIDE, "the mail has no X-Inside header"),
        (
            (("x-inside", ""),),
            ProofRule(header="x-inside"),
            "the mail's x-inside header does not have the value",
        ),
        ((("x-inside", "Yes"),), INSIDE, "the mail's X-Inside header does not have the value"),
        (
            (("x-inside", "yes"), ("x-inside", "no")),
            INSIDE,
            "the mail's X-Inside header does not have the value",
        ),
    ],
)
def test_a_header_that_the_border_keeps_for_inside_proves_the_one_sender(
    headers: tuple[tuple[str, str], ...], rule: ProofRule, missing: str
) -> None:
    found = prove(mail(headers=headers), rule)

    assert found.proven is not bool(missing)
    assert found.missing.startswith(missing)


def test_either_of_two_proofs_is_enough_and_without_both_both_are_said() -> None:
    both = replace(INSIDE, authserv_id="mx.example.org")

    assert prove(mail(PASS), both).proven
    assert prove(mail(FAIL, headers=(("x-inside", "yes"),)), both).proven
    assert prove(mail(FAIL), both).missing == (
        "mx.example.org says dmarc=fail about this mail; the mail has no X-Inside header"
    )


def test_what_is_missing_is_said_without_the_signs_of_others() -> None:
    found = asked('"mx\u202e<script>\n@here"; dmarc=pass header.from=bank.org')

    assert (
        found.missing == "the topmost Authentication-Results is of mx??script??@here, not of mx.example.org"
    )


@pytest.mark.parametrize(
    "unit", ["(", ")", '"', ";", "=", "a=b ", "a=b;", " ", "\\", "()", "a ", '""', "dmarc=pass;", "\n"]
)
def test_reading_garbage_costs_no_more_than_its_length(unit: str) -> None:
    value = ("mx.example.org; " + unit * LONGEST)[:LONGEST]

    assert (
        _seconds(partial(read_results, value))
        < 6 * _seconds(partial(read_results, value[: LONGEST // 2])) + 0.02
    )


def _seconds(run: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = process_time()
        run()
        times.append(process_time() - start)
    return min(times)


PIECES = [
    *(
        "mx.example.org",
        ";",
        "dmarc",
        "=",
        "pass",
        "fail",
        " ",
        "header.from",
        "evil.org",
        "(",
        ")",
        '"',
        "\\",
        "spf",
    ),
    *(
        "(bank.org)",
        '"x bank.org"',
        "(; dmarc=pass header.from=bank.org)",
        "; dmarc=pass header.from=evil.org",
    ),
    'reason="; dmarc=pass header.from=bank.org"',
]


@settings(max_examples=500)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_no_header_proves_a_domain_that_it_does_not_name(value: str) -> None:
    assert not asked(value).proven
    assert not asked(f"mx.example.org; {value}").proven


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_whatever_a_header_holds_it_is_read_without_an_error(value: str) -> None:
    found = asked(value, value)

    assert not found.proven
    assert found.missing
