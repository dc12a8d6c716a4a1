"""E-mail, over IMAP and SMTP. A mail that is refused for now waits for minutes: test_email_smtp.py has that."""

from tests.conformance.email_venue import over_imap
from tests.conformance.suite import Conformance


class TestEmail(Conformance):
    name = "email"
    open_venue = staticmethod(over_imap)
    abilities = frozenset(("redeliver", "lose answers", "outage"))
