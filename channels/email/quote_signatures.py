# ruff: noqa: RUF001 - letters of other scripts are the very thing here
"""Where somebody's signature begins: below "-- ", or with what a telephone says of itself in many languages."""

import re
from collections.abc import Sequence

LONGEST_SIGNATURE, LONGEST_ENDING, LONGEST_LINE = 12, 120, 500

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
    r"απεσταλμένο από |στάλθηκε από |(?:iphone|ipad|android|telefon).{0,12}(?:dan|den|tan|ten|imden|umdan) gönderildi|"
    r"đã gửi từ |dikirim dari |发自|從我的|从我的|傳送自|寄自|내 .{1,30}에서 보냄|나의 .{1,30}에서 보냄|"
    r"נשלח מ|أرسلت من|مرسل من|ส่งจาก)|.{1,30}から送信\Z",
    re.IGNORECASE,
)
_DEVICE = re.compile(
    r"iphon|ipad|ipod|apple|android|samsung|galaxy|huawei|xiaomi|nokia|pixel|blackberry|windows|outlook|gmail|"
    r"yahoo|mail|sparrow|spark|proton|phone|fon|tablet|device|mobil|móvil|celular|handy|gerät|appareil|"
    r"телефон|手机|手機|携帯|휴대폰|טלפון|هاتف",
    re.IGNORECASE,
)
_MY = re.compile(
    r"sent from my |(?:von|aus) meine[mr] |(?:de|depuis) (?:mon|ma) |desde mi |d[oe] meu |(?:dal|da) mio |vanaf mijn |"
    r"(?:från|fra) m[iu]n |z mého |с моего |з мого |我的",
    re.IGNORECASE,
)
_LINE_OF_LIST = re.compile(r"[_=-]{10,}\Z")
_LIST = re.compile(r"mailing list|listinfo|unsubscribe|groups\.google", re.IGNORECASE)
_LINK = re.compile(r"https?://|[^\s@]{1,80}@[^\s@]{1,120}|unsubscribe", re.IGNORECASE)


def signature_start(bare: Sequence[str], start: int, end: int, *, below: bool) -> int:
    """The first line of the signature among lines `start` to before `end`; `end` if there is none.

    `below` says that a quote stands above these lines, so that they may be nothing but a signature.
    """
    cut = _below_ruler(bare, start, end, below=below)
    while True:
        last = _last_said(bare, start, cut)
        if last < start or not _is_sent_from(bare[last]):
            return cut
        cut = last


def _below_ruler(bare: Sequence[str], start: int, end: int, *, below: bool) -> int:
    """Lines with more below them than a signature has, or with nothing above them, are somebody's ruler."""
    said = 0
    for at in range(end - 1, start - 1, -1):
        if bare[at] in ("--", "—", "–"):
            return at if below or any(bare[start:at]) else end
        if _LINE_OF_LIST.match(bare[at]) and _is_footer(bare[at + 1 : end], below=below):
            return at
        said += bool(bare[at])
        if said > LONGEST_SIGNATURE:
            break
    return end


def _is_footer(lines: Sequence[str], *, below: bool) -> bool:
    """What a mailing list puts at the end; below a quote, any few lines with a link in them."""
    pattern = _LINK if below else _LIST
    return any(pattern.search(line[:LONGEST_LINE]) for line in lines)


def _last_said(bare: Sequence[str], start: int, end: int) -> int:
    return next((at for at in range(end - 1, start - 1, -1) if bare[at]), -1)


def _is_sent_from(line: str) -> bool:
    """A telephone names itself; "Sent from my desk, which is easier." is a sentence of its owner."""
    plain = line.strip("-*_ ()<>")
    if len(plain) > LONGEST_ENDING or not _SENT_FROM.match(plain):
        return False
    sentence = plain.endswith((".", "!", "?", "。"))
    if sentence and ("," in plain or plain.count(" ") > 6):
        return False
    return bool(_DEVICE.search(plain)) or (not sentence and bool(_MY.search(plain)))
