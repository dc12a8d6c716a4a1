"""Whether a request is Twilio's own: signed with our token, over the address that we are known by."""

from collections.abc import Mapping, Sequence

from twilio.request_validator import RequestValidator

Form = Sequence[tuple[str, str]]


class Signature:
    """The address is the configured one, never what a request says of itself (Host, X-Forwarded-*)."""

    def __init__(self, auth_token: str) -> None:
        self._validator = RequestValidator(auth_token)

    def fits(self, url: str, form: Form, signature: str) -> bool:
        if not url.isascii() or not signature:
            return False
        return bool(self._validator.validate(url, _Values(form), signature)) and not _is_shifted(form)


class _Values(dict[str, list[str]]):
    """A form with all values of a name, as the SDK reads one of Django's."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        for name, value in form:
            self.setdefault(name, []).append(value)

    def getlist(self, name: str) -> list[str]:
        return self[name]


def _is_shifted(form: Form) -> bool:
    """Whether the text that was signed has been taken apart at other places than Twilio put it together.

    Twilio signs names and values in a row, with nothing between them. Somebody who texts us
    "hiFrom+1...MessageSidSM..." and gets hold of the request could post it as a text from that number: the
    signature fits. All that Twilio itself wrote after the text would then stand in some value.
    """
    named = sum(name.count("MessageSid") for name in dict(form))
    written = "".join(name + value for name, value in sorted(set(form)) if name != "Body")
    return written.count("MessageSid") != named


def claimed_address(headers: Mapping[str, str], path: str) -> str:
    """The address that a request claims to be for, short enough for a log line."""
    host = headers.get("x-forwarded-host") or headers.get("host") or "?"
    scheme = headers.get("x-forwarded-proto") or "?"
    return repr(f"{scheme}://{host}{path}"[:200])
