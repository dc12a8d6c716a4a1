"""Who and what exists in the simulated mail world: one mailbox, its border, the people with addresses."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from simulators.people import DEMO_PEOPLE, Person, with_email

Json: TypeAlias = dict[str, Any]

ADDRESS = "bot@saywhen.test"
PASSWORD = "demo"
AUTHSERV_ID = "mx.saywhen.test"
LARGEST_MAIL = 32 << 20


@dataclass(frozen=True)
class MailConfig:
    people: tuple[Person, ...] = with_email(DEMO_PEOPLE)
    address: str = ADDRESS
    password: str = PASSWORD
    authserv_id: str = AUTHSERV_ID
    """The name of the server that stands at the border and says who proved to be who."""
    largest: int = LARGEST_MAIL
    tls: bool = False

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def is_ours(self, address: str) -> bool:
        """True for the mailbox's address, also with a tag: bot+anything@saywhen.test."""
        local, _, domain = address.lower().rpartition("@")
        return f"{local.partition('+')[0]}@{domain}" == self.address
