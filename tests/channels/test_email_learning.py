"""What `bot mail learn` proposes after a mail to ourselves."""

from channels.email.learning import learn
from channels.email.mail import Mail, Mailbox
from channels.email.proof import ProofRule, prove

PASS = "mx.example.org; dmarc=pass header.from=bank.org"
FORGED = ("Authentication-Results", "mx.example.org;  dmarc=pass header.from=bank.org (ours)")


def back(*results: str, headers: tuple[tuple[str, str], ...] = ()) -> Mail:
    return Mail("<1@bank.org>", (Mailbox("bot@bank.org"),), authentication_results=results, headers=headers)


def test_the_server_that_stands_on_top_is_proposed() -> None:
    found = learn([back(PASS), back(PASS, "relay.org; none")])

    assert (found.rule, found.safe) == (ProofRule(authserv_id="mx.example.org"), True)
    assert 'authserv_id = "mx.example.org"' in found.explanation[0]
    assert prove(back(PASS), found.rule).proven


def test_a_border_that_lets_its_own_name_in_is_said_to_be_unsafe() -> None:
    found = learn([back(PASS, "mx.example.org; dmarc=pass\n header.from=bank.org (ours)")], written=[FORGED])

    assert found.rule == ProofRule(authserv_id="mx.example.org")
    assert not found.safe
    assert "was let through" in found.explanation[1]


def test_a_border_that_removes_its_own_name_is_safe() -> None:
    assert learn([back(PASS)], written=[FORGED]).safe


def test_what_we_wrote_ourselves_is_not_taken_for_the_border() -> None:
    found = learn([back(FORGED[1])], written=[FORGED])

    assert (found.rule, found.safe) == (ProofRule(), False)
    assert "the one that we wrote ourselves" in found.explanation[0]


def test_a_mail_of_ours_that_does_not_pass_is_not_enough() -> None:
    found = learn([back("mx.example.org; dmarc=none header.from=bank.org")])

    assert not found.safe
    assert found.explanation[1] == "Not enough yet: mx.example.org says dmarc=none about this mail."


def test_servers_that_take_turns_are_not_proposed() -> None:
    found = learn([back(PASS), back("mx2.example.org; dmarc=pass header.from=bank.org")])

    assert (found.rule, found.safe) == (ProofRule(), False)
    assert "different servers" in found.explanation[0]


def test_a_header_that_a_provider_keeps_for_inside_is_proposed_where_no_server_names_itself() -> None:
    results = "spf=pass smtp.mailfrom=bank.org; dmarc=pass header.from=bank.org"
    header = ("x-ms-exchange-organization-authas", "Internal")

    found = learn([back(results, headers=(header,))])

    assert found.safe
    assert found.rule == ProofRule(header="x-ms-exchange-organization-authas", header_value="Internal")
    assert not learn([back(results, headers=(header,))], written=[header]).safe
    assert not learn([back(results, headers=(header,)), back(results)]).safe


def test_nothing_seen_is_nothing_proposed() -> None:
    for mails in ([], [back()], [back("dmarc=pass header.from=bank.org")], [back("(")]):
        found = learn(mails)

        assert (found.rule, found.safe) == (ProofRule(), False)
        assert found.explanation
