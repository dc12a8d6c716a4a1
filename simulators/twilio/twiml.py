"""What an app answers to a webhook: TwiML, or plain text, each of which may ask for messages."""

from dataclasses import dataclass
from xml.etree import ElementTree

TWIML_TYPES = frozenset({"text/xml", "application/xml", "text/html", ""})


@dataclass(frozen=True)
class Reply:
    body: str
    to: str = ""
    from_: str = ""
    media: tuple[str, ...] = ()
    status_callback: str = ""


class BadTwiml(Exception):
    """The answer cannot be used; the code is the one that Twilio's debugger shows."""

    def __init__(self, code: int, problem: str) -> None:
        super().__init__(problem)
        self.code = code


def replies(content_type: str, text: str) -> tuple[Reply, ...]:
    if not text.strip():
        return ()
    if content_type == "text/plain":
        return (Reply(text.strip()),)
    if content_type not in TWIML_TYPES:
        raise BadTwiml(12300, f"Twilio takes TwiML or text, not {content_type}")
    return tuple(_reply(verb) for verb in _response(text) if verb.tag in ("Message", "Sms"))


def _response(text: str) -> ElementTree.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadTwiml(12100, "TwiML has no document type and no entities")
    try:
        root = ElementTree.fromstring(text.strip())  # noqa: S314 - without entities, see above
    except (ElementTree.ParseError, ValueError) as error:
        raise BadTwiml(12100, f"not XML: {error}") from None
    if root.tag != "Response":
        raise BadTwiml(12100, f"TwiML starts with <Response>, not <{root.tag}>")
    return root


def _reply(verb: ElementTree.Element) -> Reply:
    body = verb.text or ""
    if not body.strip():
        body = "".join(each.text or "" for each in verb if each.tag == "Body")
    return Reply(
        body.strip(),
        to=verb.get("to", ""),
        from_=verb.get("from", ""),
        media=tuple((each.text or "").strip() for each in verb if each.tag == "Media"),
        status_callback=verb.get("statusCallback", verb.get("action", "")),
    )
