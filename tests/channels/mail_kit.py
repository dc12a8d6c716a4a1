"""Real mails for tests, and what every mail that was read must keep to."""

import re
import unicodedata
from pathlib import Path

from channels.email.mail import Mail
from channels.email.wire import answer, read_answer

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads" / "mail"
REAL = sorted(path for path in PAYLOADS.rglob("*") if path.suffix in (".eml", ".txt"))
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
SECONDS = 2.0


def check(mail: Mail) -> None:
    """What is shown is clean, and the mail crosses to another process unchanged."""
    for text in (mail.text, mail.quoted, mail.signature, *mail.dropped):
        assert not CONTROL.search(text)
    for line in (mail.subject, mail.message_id, *mail.references, *mail.in_reply_to, mail.automatic):
        assert "\n" not in line
        assert not CONTROL.search(line)
    for name in (file.name for file in mail.attachments):
        assert 0 < len(name) <= 100
        assert not set(name) & set('/\\:*?"<>|\n')
        assert not {unicodedata.category(character) for character in name} & {"Cc", "Cf", "Cs", "Co", "Cn"}
        assert name not in (".", "..")
    assert read_answer(answer(mail)) == mail
