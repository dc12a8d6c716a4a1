# ruff: noqa: RUF001 - letters of other scripts are the very thing here
"""Where somebody's signature begins: below "-- ", or with what a telephone says of itself in many languages."""

import re
from collections.abc import Sequence

LONGEST_SIGNATURE, LONGEST_ENDING = 12, 120

_SENT_FROM = re.compile(
    r"(?:sent (?:from|via|with|using|on the go from) |sent by |get outlook for |"
    r"(?:von|aus|mit) (?:meinem?|meiner) .{1,40}gesendet|gesendet (?:von|mit|über|aus) |"
    r"diese nachricht wurde von .{1,60} gesendet|outlook für .{1,20} (?:beziehen|herunterladen)|"
    r"envoyé (?:depuis|de|à partir|avec) |télécharger outlook|enviado (?:desde|de|do|a partir|con|com|pelo) |"
    r"obtener outlook|obter o outlook|inviato (?:da|con|dal) |scarica outlook|ottieni outlook|"
    r"verzonden (?:vanaf|met|via|vanuit) |verstuurd (?:vanaf|met) |outlook voor .{1,20} downloaden|"
    r"skickat från |skickades från |sendt (?:fra|med|via) |hent outlook|få outlook|lähetetty |hanki outlook|"
    r"wysłan[oe] (?:z|przy użyciu) |pobierz (?:program )?outlook|odesláno z |odoslané z |stáhnout outlook|"
    r"отправлено (?:с|из|от) |надіслано (?:з|із) |скачать outlook|az .{1,30} küldve|trimis de pe |"
    r"απεσταλμένο από |(?:iphone|ipad|android|telefon).{0,12}(?:dan|den|tan|ten|imden|umdan) gönderildi|"
    r"đã gửi từ |dikirim dari |发自|從我的|从我的|傳送自|寄自|내 .{1,30}에서 보냄|나의 .{1,30}에서 보냄|"
    r"נשלח מ|أرسلت من|مرسل من|ส่งจาก)|.{1,30}から送信\Z",
    re.IGNORECASE,
)
_LINE_OF_LIST = re.compile(r"[_=-]{10,}\Z")
_LINK = re.compile(r"https?://|[^\s@]{1,80}@[^\s@]{1,120}|unsubscribe", re.IGNORECASE)


def signature_start(lines: Sequence[str], bare: Sequence[str], start: int, end: int, *, below: bool) -> int:
    """The first line of the signature among lines `start` to before `end`; `end` if there is none.

    `below` says that a quote stands above these lines and nothing beneath them: there lists put their footer.
    """
    if below and _is_footer(bare, start, end):
        return start
    end_of_text = _below_dashes(bare, start, end)
    while True:
        last = _last_said(bare, start, end_of_text)
        if last < start or not _is_sent_from(bare[last]):
            return end_of_text
        end_of_text = last


def _is_footer(bare: Sequence[str], start: int, end: int) -> bool:
    return (
        bool(_LINE_OF_LIST.match(bare[start]))
        and sum(map(bool, bare[start:end])) <= LONGEST_SIGNATURE
        and any(_LINK.search(line[:500]) for line in bare[start:end])
    )


def _below_dashes(bare: Sequence[str], start: int, end: int) -> int:
    """Dashes with more below them than a signature has, or with nothing above them, are somebody's ruler."""
    said = 0
    for at in range(end - 1, start, -1):
        if bare[at] in ("--", "—", "–"):
            return at if any(bare[start:at]) else end
        said += bool(bare[at])
        if said > LONGEST_SIGNATURE:
            break
    return end


def _last_said(bare: Sequence[str], start: int, end: int) -> int:
    return next((at for at in range(end - 1, start - 1, -1) if bare[at]), -1)


def _is_sent_from(line: str) -> bool:
    plain = line.strip("-*_ ")
    return len(plain) <= LONGEST_ENDING and bool(_SENT_FROM.match(plain))
