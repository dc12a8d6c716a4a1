"""What could prove senders here: read from mails that we sent to ourselves, and said in words, for `bot mail learn`."""

from collections.abc import Sequence
from dataclasses import dataclass

from channels.email.authentication import comparable, read_results
from channels.email.mail import Mail
from channels.email.proof import ProofRule, prove, shown

KEPT_INSIDE = {"x-ms-exchange-organization-authas": "Internal"}
"""Headers (and the value) of which it is documented that the provider removes them from mail from outside."""

RESULTS = "authentication-results"


@dataclass(frozen=True, slots=True)
class Proposal:
    """`safe` is False if there is nothing to propose, or something that `explanation` advises against."""

    rule: ProofRule
    safe: bool
    explanation: tuple[str, ...]


def learn(results: Sequence[Mail], *, written: Sequence[tuple[str, str]] = ()) -> Proposal:
    """Propose a rule; `written` are the headers that we put into these mails ourselves, to see what becomes of them."""
    if not results:
        return Proposal(ProofRule(), False, ("The mail that was sent to ourselves has not come back.",))
    own = {(name.lower(), _plain(value)) for name, value in written}
    tops = {_top(mail, own) for mail in results}
    service = tops.pop() if len(tops) == 1 else ""
    if service:
        return _of_service(service, results, own)
    kept = _kept_inside(results, own)
    if kept:
        return kept
    return Proposal(
        ProofRule(), False, (_why_nothing(results, own, several=len(tops) > 0), _SO_MAIL_ONLY_TALKS)
    )


_SO_MAIL_ONLY_TALKS = "So nothing is proposed: without a proof, mail may talk but never approve."


def _plain(value: str) -> str:
    return " ".join(value.split())


def _is_own(value: str, own: set[tuple[str, str]]) -> bool:
    return (RESULTS, _plain(value)) in own


def _top(mail: Mail, own: set[tuple[str, str]]) -> str:
    """The authserv-id of the topmost header, unless that is the one that we wrote ourselves."""
    values = mail.authentication_results
    if not values or _is_own(values[0], own):
        return ""
    return read_results(values[0]).service


def _of_service(service: str, results: Sequence[Mail], own: set[tuple[str, str]]) -> Proposal:
    rule = ProofRule(authserv_id=service)
    said = [
        f"The topmost Authentication-Results of our own mail is of {shown(service)}: "
        f'authserv_id = "{shown(service)}" takes its word.'
    ]
    faults = [*_survivors(service, results, own), *_unproven(results, rule)]
    return Proposal(rule, not faults, (*said, *faults))


def _survivors(service: str, results: Sequence[Mail], own: set[tuple[str, str]]) -> list[str]:
    """A border that lets its own name pass from outside protects nobody on the day that it adds no header."""
    left = [value for mail in results for value in mail.authentication_results if _is_own(value, own)]
    if any(read_results(value).service == comparable(service) for value in left):
        return [
            f"Not safe: an Authentication-Results of {shown(service)} that we wrote ourselves was let through. "
            "Whoever writes to us can do the same, and is believed wherever the server adds none above it."
        ]
    return []


def _unproven(results: Sequence[Mail], rule: ProofRule) -> list[str]:
    missing = sorted({proof.missing for mail in results if not (proof := prove(mail, rule)).proven})
    return [f"Not enough yet: {one}." for one in missing]


def _kept_inside(results: Sequence[Mail], own: set[tuple[str, str]]) -> Proposal | None:
    for name, value in KEPT_INSIDE.items():
        rule = ProofRule(header=name, header_value=value)
        if any(key == name for key, _ in own) or not all(prove(mail, rule).proven for mail in results):
            continue
        why = (
            f"Our own mail came back with {name}: {value}, which this provider removes from mail from outside: "
            f'header = "{name}" and header_value = "{value}" take its word.',
            "It proves only that a mail is from inside; the provider must keep people from using each other's address.",
        )
        return Proposal(rule, True, why)
    return None


def _why_nothing(results: Sequence[Mail], own: set[tuple[str, str]], *, several: bool) -> str:
    values = [value for mail in results for value in mail.authentication_results]
    if several:
        return "The mails came back with Authentication-Results of different servers on top."
    if not values:
        return "The mail came back without Authentication-Results. Some providers add them only to mail from outside."
    if _is_own(values[0], own):
        return "The topmost Authentication-Results is the one that we wrote ourselves: the border adds none above it."
    return "The topmost Authentication-Results does not say which server wrote it."
