"""Slack, over its sockets and by HTTP."""

from tests.conformance.slack_venue import by_http, by_socket
from tests.conformance.suite import Conformance


class TestSlackBySocket(Conformance):
    name = "slack"
    open_venue = staticmethod(by_socket)
    abilities = frozenset(("edit", "delete", "redeliver", "lose answers", "refuse", "outage"))


class TestSlackByHttp(Conformance):
    name = "slack"
    open_venue = staticmethod(by_http)
    abilities = frozenset(("edit", "delete", "redeliver", "lose answers", "refuse"))
