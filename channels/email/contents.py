"""What is in the parts of a mail: text, files, answers to invitations. Nothing is left out without a note."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.files import Attachment, attachment
from channels.email import tnef
from channels.email.calendars import method_of, reply
from channels.email.decoding import has_invisible_tags, plain_lines
from channels.email.flowed import unflowed
from channels.email.headers import decoded, first, read_headers
from channels.email.limits import LONGEST_HTML, LONGEST_TEXT, MOST_ATTACHMENTS, MOST_NOTES, Unreadable
from channels.email.mail import CalendarReply
from channels.email.mime import Part, parse
from channels.email.signed import signed_content

_SIGNATURES = frozenset(
    (
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-keys",
    )
)
_SMIME = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))
_DEEPEST_SIGNED = 3


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    html: bool = False


@dataclass(slots=True)
class Contents:
    """`texts` in the order in which they are shown."""

    texts: list[Text] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    calendar: CalendarReply | None = None
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(text)

    def add_file(self, content: bytes, *, name: str, content_type: str) -> None:
        if len(self.files) >= MOST_ATTACHMENTS:
            self.note(f"attachments after the first {MOST_ATTACHMENTS}")
        else:
            self.files.append(attachment(content, name=name, content_type=content_type))


def contents(raw: bytes, root: Part) -> Contents:
    found = Contents()
    _Reader(raw, found).part(root, shown=True)
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    raw: bytes
    found: Contents
    level: int = 0

    def part(self, part: Part, *, shown: bool) -> None:
        """`shown` says that its text is part of what the sender wrote, and not one more version of it."""
        match part.content_type:
            case "multipart/alternative" if part.parts:
                self._alternative(part, shown=shown)
            case "multipart/signed" | "multipart/related" if part.parts:
                self._first(part, shown=shown)
            case "multipart/encrypted" if part.parts:
                self.found.note("an encrypted message (PGP)")
            case "multipart/report" if part.parts:
                self._words(part.parts[0], shown=shown)
            case _ if part.parts:
                for inner in part.parts:
                    self.part(inner, shown=shown)
            case _:
                self._leaf(part, shown=shown)

    def _alternative(self, part: Part, *, shown: bool) -> None:
        """Plain text if one says anything, else HTML; what else is in the others is kept."""
        best = next((inner for inner in part.parts if self._says(inner, "text/plain")), None)
        best = best or next((inner for inner in part.parts if self._says(inner, "text/html")), None)
        best = best or next((inner for inner in part.parts if _has_text(inner)), None)
        for inner in part.parts:
            self.part(inner, shown=shown and inner is best)

    def _says(self, part: Part, kind: str) -> bool:
        return any(
            leaf.content_type == kind and not _is_file(leaf) and not leaf.text(self.raw, most=20_000).isspace()
            and leaf.text(self.raw, most=20_000)
            for leaf in part.leaves()
        )  # fmt: skip

    def _first(self, part: Part, *, shown: bool) -> None:
        """What is signed, or the text with its pictures; the others are files."""
        for at, inner in enumerate(part.parts):
            if inner.content_type not in _SIGNATURES:
                self.part(inner, shown=shown and at == 0)

    def _words(self, part: Part, *, shown: bool) -> None:
        """The part for people of a report; the others are read elsewhere."""
        if part.parts or part.content_type.startswith("text/"):
            self.part(part, shown=shown)

    def _leaf(self, part: Part, *, shown: bool) -> None:
        kind = part.content_type
        if kind in _SMIME or part.filename.lower().endswith((".p7m", ".p7z")):
            self._smime(part, shown=shown)
        elif kind in tnef.CONTENT_TYPES or part.filename.lower() == "winmail.dat":
            self._tnef(part, shown=shown)
        elif kind == "text/calendar":
            self._calendar(part)
        elif kind in _SIGNATURES:
            pass
        elif kind.startswith("text/") and not _is_file(part):
            if shown:
                self._text(part)
        else:
            self.found.add_file(part.content(self.raw), name=_name(part, self.raw), content_type=kind)

    def _text(self, part: Part) -> None:
        html = part.content_type == "text/html"
        most = LONGEST_HTML if html else LONGEST_TEXT
        text = part.text(self.raw, most=4 * most)
        if len(text) > most:
            self.found.note("the rest of a very long text")
        if has_invisible_tags(text):
            self.found.note("invisible characters")
        text = plain_lines(text[:most])
        if not html:
            text = self._plain(part, text)
        self.found.texts.append(Text(text, html))

    def _plain(self, part: Part, text: str) -> str:
        if "-----BEGIN PGP MESSAGE-----" in text:
            self.found.note("an encrypted message (PGP)")
        if part.parameters.get("format", "").strip().lower() == "flowed":
            text = unflowed(text, delete_space=part.parameters.get("delsp", "").strip().lower() == "yes")
        return without_pgp(text)

    def _calendar(self, part: Part) -> None:
        content = part.content(self.raw)
        method = method_of(content, part.parameters.get("method", ""))
        if method == "REPLY" and self.found.calendar is None:
            try:
                self.found.calendar = reply(content)
            except Unreadable as error:
                self.found.note(str(error))
            else:
                return
        elif method:
            self.found.note(f"a calendar entry ({decoded(method)}), which is among the attachments")
        self.found.add_file(content, name=part.filename or "invitation.ics", content_type=part.content_type)

    def _tnef(self, part: Part, *, shown: bool) -> None:
        content = part.content(self.raw)
        try:
            inside = tnef.unwrap(content)
            if inside.is_empty:
                raise Unreadable("a winmail.dat with nothing in it that can be read")
        except Unreadable as error:
            self.found.note(str(error))
            self.found.add_file(content, name=_name(part, self.raw), content_type=part.content_type)
            return
        if shown and not any(text.text.strip() for text in self.found.texts):
            for text, html in ((inside.text, False), (inside.html, True)):
                if text.strip():
                    self.found.texts.append(Text(plain_lines(text[:LONGEST_TEXT]), html))
                    break
        for name, data in inside.files:
            self.found.add_file(data, name=name, content_type="application/octet-stream")

    def _smime(self, part: Part, *, shown: bool) -> None:
        content = part.content(self.raw)
        inside = signed_content(content)
        if inside is None or self.level >= _DEEPEST_SIGNED:
            self.found.note("an encrypted message (S/MIME)")
            self.found.add_file(content, name=part.filename or "smime.p7m", content_type=part.content_type)
            return
        _Reader(inside, self.found, self.level + 1).part(parse(inside), shown=shown)


def _has_text(part: Part) -> bool:
    return any(leaf.content_type.startswith("text/") for leaf in part.leaves())


def _is_file(part: Part) -> bool:
    """Text that is sent as a file; pictures and the like are always files."""
    return part.disposition == "attachment" or bool(part.filename)


def _name(part: Part, raw: bytes) -> str:
    """Its own; a mail that is attached has its subject."""
    if part.filename or part.content_type not in ("message/rfc822", "message/global"):
        return part.filename or first(part.headers, "content-location").split("?")[0]
    try:
        inner = read_headers(raw, part.start, part.end)
    except Unreadable:
        return "message.eml"
    subject = decoded(first(inner.headers, "subject")[:500]).replace("/", "-").replace("\\", "-")
    return f"{subject[:80] or 'message'}.eml"


def without_pgp(text: str) -> str:
    """The text that is signed, without the armour around it."""
    start, end = "-----BEGIN PGP SIGNED MESSAGE-----\n", "\n-----BEGIN PGP SIGNATURE-----"
    before, found, signed = text.partition(start)
    if not found or end not in signed:
        return text
    body, _, signature = signed.partition(end)
    after = signature.partition("-----END PGP SIGNATURE-----")[2]
    lines = body.partition("\n\n")[2].split("\n")
    return before + "\n".join(_undashed(lines)) + after


def _undashed(lines: list[str]) -> Iterator[str]:
    return (line.removeprefix("- ") for line in lines)
