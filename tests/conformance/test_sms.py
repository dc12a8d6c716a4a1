"""SMS, by webhook and by polling."""

from tests.conformance.sms_venue import by_polling, by_webhook
from tests.conformance.suite import Conformance


class TestSmsByWebhook(Conformance):
    name = "sms"
    open_venue = staticmethod(by_webhook)
    abilities = frozenset(("redeliver", "lose answers", "refuse"))


class TestSmsByPolling(Conformance):
    name = "sms"
    open_venue = staticmethod(by_polling)
    abilities = frozenset(("lose answers", "refuse", "outage"))
