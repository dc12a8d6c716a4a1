"""Whether a mail's sender is proved: the border of our own provider vouches for it, or nobody does."""

import re
from dataclasses import dataclass

from channels.email.addresses import ascii_domain, domain_of
from channels.email.authentication import Result, comparable, read_results
from channels.email.mail import Mail


@dataclass(frozen=True, slots=True)
class ProofRule:
    """Whose word counts: the server that writes `authserv_id` into its Authentication-Results, or `header`.

    `header` is one that the border removes from all mail from outside, so that who has it is inside; with
    `header_value`, only with this value. Either of the two proves a sender; without both, nothing does.
    """

    authserv_id: str = ""
    header: str = ""
    header_value: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """`address` is the one mailbox in From ("" if there is not exactly one); `missing` says what a proof lacked."""

    address: str
    proven: bool
    missing: str = ""


def prove(mail: Mail, rule: ProofRule) -> Proof:
    """Ask the rule whether this mail is from the address that it says it is from."""
    if len(mail.from_) != 1:
        return Proof("", False, _no_single_sender(len(mail.from_)))
    address = mail.from_[0].address
    if not rule.authserv_id.strip() and not rule.header.strip():
        return Proof(address, False, "nothing is configured that could prove who sent a mail")
    lacks: list[str] = []
    if rule.authserv_id.strip():
        lacks.append(_missing_in_results(mail, address, rule.authserv_id))
    if rule.header.strip():
        lacks.append(_missing_in_header(mail, rule))
    return Proof(address, True) if "" in lacks else Proof(address, False, "; ".join(lacks))


def aligned(reported: str, domain: str) -> bool:
    """Whether a reported domain is the sender's, or a parent of it: some report the domain of the policy."""
    reported = ascii_domain(reported.rpartition("@")[2])
    return bool(reported) and (reported == domain or ("." in reported and domain.endswith(f".{reported}")))


def shown(text: str) -> str:
    """A word of somebody else's in a sentence of ours."""
    return re.sub(r"[^\w.@-]", "?", text)[:80]


def _no_single_sender(count: int) -> str:
    if count == 0:
        return "the mail's From header does not name one sender in a way that can be read"
    return f"the mail names {count} senders, so none of them is proved"


def _missing_in_results(mail: Mail, address: str, authserv_id: str) -> str:
    """Only the topmost header counts: what stands below it, the sender may have written."""
    name = shown(authserv_id.strip())
    if not mail.authentication_results:
        return f"the mail has no Authentication-Results of {name}, so nobody vouches for its sender"
    top = read_results(mail.authentication_results[0])
    if not top.service and top.readable:
        return f"the topmost Authentication-Results does not say who wrote it, so it is not {name}"
    if not top.readable:
        return "the topmost Authentication-Results cannot be read"
    if top.service != comparable(authserv_id):
        return f"the topmost Authentication-Results is of {shown(top.service)}, not of {name}"
    return _missing_in_dmarc([one for one in top.results if one.method == "dmarc"], address, name)


def _missing_in_dmarc(results: list[Result], address: str, name: str) -> str:
    if not results:
        return f"{name} says nothing of DMARC about this mail"
    said = sorted({one.result for one in results})
    if len(said) > 1:
        return f"{name} gives DMARC results that contradict each other: {' and '.join(map(shown, said))}"
    if said != ["pass"]:
        return f"{name} says dmarc={shown(said[0])} about this mail"
    domains = [value for one in results for value in one.values("header.from")]
    if any(not one.values("header.from") for one in results):
        return f"{name} does not say for which domain DMARC passed"
    strange = [value for value in domains if not aligned(value, domain_of(address))]
    return f"DMARC passed for {shown(strange[0])}, but the mail is from {shown(address)}" if strange else ""


def _missing_in_header(mail: Mail, rule: ProofRule) -> str:
    name = rule.header.strip().lower()
    values = [value.strip() for key, value in mail.headers if key == name]
    if not values:
        return f"the mail has no {shown(rule.header.strip())} header"
    wanted = rule.header_value.strip()
    if not all(value == wanted if wanted else value for value in values):
        return f"the mail's {shown(rule.header.strip())} header does not have the value that proves a sender"
    return ""
