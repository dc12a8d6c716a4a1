# ruff: noqa: RUF001 - letters of other scripts are the very thing here
"""How mail programs announce what they quote: a sentence, a separator or a block of headers, in many languages.

Each question looks at a handful of short lines, so that asking it for every line of a mail stays linear.
"""

import re
from collections.abc import Sequence

LONGEST_LINE, LONGEST_SENTENCE, MOST_WRAPPED, LONGEST_BLOCK = 300, 500, 4, 10

_WROTE = frozenset(
    [
        "wrote",
        "writes",
        "written",
        "schrieb",
        "schreibt",
        "geschrieben",
        "écrit",
        "ecrit",
        "écrivait",
        "escribió",
        "escribio",
        "escreveu",
        "scritto",
        "scrive",
        "schreef",
        "schreven",
        "geschreven",
        "skrev",
        "skreiv",
        "kirjoitti",
        "napisał",
        "napisała",
        "napisal",
        "napisala",
        "napsal",
        "napsala",
        "napísal",
        "napísala",
        "pisze",
        "nadesłał",
        "nadesłała",
        "írta",
        "scris",
        "написал",
        "написала",
        "написав",
        "писал",
        "писала",
        "пишет",
        "пише",
        "написа",
        "έγραψε",
        "yazdı",
        "yazmış",
        "escriure",
        "napisao",
        "rašė",
        "rakstīja",
        "kirjutas",
        "viết",
        "menulis",
        "skrifaði",
        "כתב",
        "كتب",
    ]
)
_WROTE_UNSPACED = (
    "写道",
    "寫道",
    "写到",
    "書きました",
    "のメール",
    "作成しました",
    "작성",
    "썼습니다",
    "เขียน",
)
_WORD = re.compile(r"[^\W\d_]+")
_OPENER = re.compile(
    r"(?:on|am|den|le|el|em|no dia|il|il giorno|op|på|kl|dnia|w dniu|dne|dňa|pe|în data|dana|la|στις|"
    r"בתאריך|ב-|في|بتاريخ|在|于|於|vào|pada|เมื่อ|ในวันที่|missatge de|at|date)[\s.,:]|"
    r"[^\W\d]{1,12}[.,]{0,2}\s?\d|\d",
    re.IGNORECASE,
)
_NAMED = re.compile(r"[^<>@]{0,80}<[^\s<>@]{1,80}@[^\s<>@]{1,120}>")
_DATE = re.compile(r"\d{1,4}[./-]\s?\d{1,2}|\b(?:19|20)\d\d\b|\d[:.h]\d\d|\d\s?[年月日년월일]")
_ADDRESS = re.compile(r"[^\s<>@]{1,80}@[^\s<>@]{1,120}")
_ADDRESS_WROTE = re.compile(
    r"@[^\s<>@]{1,120}[>)\]]?,?\s{0,3}(?:\w{1,12}\s)?\w{1,14}(?:\(\w{1,3}\))?\s{0,3}[:：]\Z"
)
_DATED_ADDRESS = re.compile(r"<[^\s<>@]{1,80}@[^\s<>@]{1,120}>\s?[:：]$")

_ORIGINAL = re.compile(
    r"original message|original-nachricht|originalnachricht|ursprüngliche nachricht|ursprüngliche mail|"
    r"message d'origine|message d’origine|message original|courriel original|mensaje original|mensagem original|"
    r"messaggio originale|oorspronkelijk bericht|origineel bericht|originalmeddelande|ursprungligt meddelande|"
    r"oprindelig meddelelse|original meddelelse|opprinnelig melding|alkuperäinen viesti|wiadomość oryginalna|"
    r"oryginalna wiadomość|původní zpráva|pôvodná správa|eredeti üzenet|mesaj original|mesajul original|"
    r"исходное сообщение|пересылаемое сообщение|оригинальное сообщение|початкове повідомлення|orijinal mesaj|"
    r"özgün [iİ]leti|αρχικό μήνυμα|原始邮件|原始郵件|元のメッセージ|원본 메시지|원본 메일|forwarded message|"
    r"reply message|reply separator|weitergeleitete nachricht|message transféré|mensaje reenviado|"
    r"mensagem encaminhada|messaggio inoltrato|doorgestuurd bericht|vidarebefordrat|videresendt|välitetty viesti|"
    r"przekazana wiadomość|wiadomość przekazana|přeposlaná zpráva|továbbított|пересланное сообщение|转发|轉寄|転送",
    re.IGNORECASE,
)
_BEGIN = re.compile(
    r"(?:\[?original message processed by david|"
    r"(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)|"
    r"début du message (?:transféré|réexpédié)|"
    r"inicio del mensaje reenviado|início da mensagem (?:reencaminhada|encaminhada)|inizio messaggio inoltrato|"
    r"begin doorgestuurd bericht|vidarebefordrat brev|start på videresendt besked|videresendt melding|"
    r"początek przekazywanej wiadomości|začátek přeposílané zprávy|начало переадресованного сообщения|"
    r"välitetty viesti alkaa|iletilen mesajın başlangıcı|"
    r"下面是被转发的邮件|転送されたメッセージ|전달된 메시지)\s?[:：])",
    re.IGNORECASE,
)
_RULED = re.compile(r"[-_=*–—]{2,80}\s{0,3}([^-_=*–—\s].{0,80}?)\s{0,3}[-_=*–—]{2,80}\Z")
_RULES = frozenset("-_=*–—")
_RULE = re.compile(r"[-_=–—]{5,}\Z")

_LABELS = {
    "from": "from von de da van från fra od od: от від lähettäjä feladó kimden gönderen από 发件人 寄件者 寄件人 "
    "差出人 보낸사람 보낸이",
    "date": "sent date gesendet datum envoyé enviado enviadoel enviadael enviadoem enviadaem enviada "
    "fecha data inviato verzonden skickat sendt dato "
    "wysłano odesláno odoslané дата отправлено надіслано lähetetty elküldve päivämäärä gönderildi tarih "
    "ημερομηνία στάλθηκε 发送时间 日期 时间 寄件日期 送信日時 日時 날짜 보낸날짜",
    "to": "to an à a para per aan till til do komu кому vastaanottaja címzett kime alıcı προς "
    "收件人 收件者 宛先 받는사람",
    "subject": "subject betreff objet asunto assunto oggetto onderwerp ämne emne temat předmět predmet тема aihe "
    "tárgy subiect konu θέμα 主题 主旨 件名 제목",
    "other": "cc kopie kopia kopi copie copia dw bcc reply-to organization organisation antwort importance attachments "
    "anlagen attached 抄送 참조 копия",
}
_KINDS = {word: kind for kind, words in _LABELS.items() for word in words.split()}
_LABEL = re.compile(r"[*\s]{0,3}([^\s:：*]{1,18}(?:\s[^\s:：*]{1,4})?)\s?[*]?[:：](?:[*\s]|\Z)")


def sentence_start(lines: Sequence[str], end: int, *, quote_follows: bool) -> int:
    """Where the sentence ("On 3 May 2026 Ann wrote:") begins that ends in this line; -1 if it is none.

    If a quoted line follows, less is asked of it: a date or an address, and a colon.
    """
    line = lines[end]
    if len(line) > LONGEST_LINE or not (quote_follows or _ends_in_colon(line)):
        return -1
    start = _announced(lines, end) if _ends_in_colon(line) else -1
    return _perhaps_announced(lines, end) if start < 0 and quote_follows else start


def is_separator(lines: Sequence[str], at: int) -> bool:
    """-----Original Message-----, with or without the headers below it, or any such line with headers below it."""
    line = lines[at]
    if line[:1] not in _RULES or len(line) > LONGEST_LINE:
        return False
    ruled = _RULED.match(line)
    if ruled:
        return bool(_ORIGINAL.search(ruled.group(1)) or _kinds_below(lines, at + 1, most=3))
    return bool(_RULE.match(line)) and _is_block(_kinds_below(lines, at + 1), separated=True)


def begins_forward(line: str) -> bool:
    return len(line) <= LONGEST_LINE and bool(_BEGIN.match(line))


def is_header_block(lines: Sequence[str], at: int) -> bool:
    """From, Sent, To and Subject, one below the other: Outlook's way to begin what it quotes."""
    if not _kind(lines[at]) or (at and _kind(lines[at - 1])):
        return False
    return _is_block(_kinds_below(lines, at), separated=False)


def _ends_in_colon(line: str) -> bool:
    return line.rstrip("* ")[-1:] in (":", "：")


def _announced(lines: Sequence[str], end: int) -> int:
    """The sentence may be wrapped: of the lines where it could begin, one with a word that opens it counts most."""
    said, found = "", -1
    for start in range(end, max(-1, end - MOST_WRAPPED), -1):
        line = lines[start]
        said = f"{line} {said}".rstrip("* ")
        if not line or line.startswith(">") or len(said) > LONGEST_SENTENCE:
            break
        if found >= 0 and (line.endswith((".", "!", "?")) or not (_opens(line) and _DATE.search(line))):
            continue
        if _is_announcement(said):
            found = start
            if _opens(line):
                break
    return found


def _opens(line: str) -> bool:
    return bool(_OPENER.match(line.lstrip("-*_ ")))


def _is_announcement(said: str) -> bool:
    dated, addressed = bool(_DATE.search(said)), "@" in said
    if not (dated or addressed):
        return False
    if _opens(said) or _NAMED.match(said):
        return _says_wrote(said) or (dated and bool(_DATED_ADDRESS.search(said)))
    return addressed and bool(_ADDRESS_WROTE.search(said)) and _says_wrote(said)


def _says_wrote(said: str) -> bool:
    words = _WORD.findall(said.lower())
    return not _WROTE.isdisjoint(words) or any(word in said for word in _WROTE_UNSPACED)


def _perhaps_announced(lines: Sequence[str], end: int) -> int:
    """Right above a quote, a colon and a time, an address or a word for writing are enough, in any language."""
    line = lines[end]
    if _ends_in_colon(line):
        if _DATE.search(line) or _ADDRESS.search(line) or _says_wrote(line):
            return end
        above = lines[end - 1] if end else ""
        return end - 1 if _DATE.search(above) and _ADDRESS.search(above) else -1
    return end if line.endswith(">") and _DATE.search(line) and _ADDRESS.search(line) else -1


def _kind(line: str) -> str:
    if len(line) > LONGEST_LINE or (":" not in line and "：" not in line):
        return ""
    match = _LABEL.match(line)
    return _KINDS.get(match.group(1).lower().replace(" ", ""), "") if match else ""


def _kinds_below(lines: Sequence[str], start: int, *, most: int = LONGEST_BLOCK) -> set[str]:
    kinds = {_kind(line) for line in lines[start : start + most]}
    if any("@" in line for line in lines[start : start + 2] if _kind(line) == "from"):
        kinds.add("address")
    return kinds - {""}


def _is_block(kinds: set[str], *, separated: bool) -> bool:
    """A person may write From: and To: as well, of a journey; a mail has a subject or an address beside them."""
    known = len(kinds & {"date", "to", "subject"})
    if "from" not in kinds:
        return False
    return known >= 1 if separated or "address" in kinds else "subject" in kinds and known >= 2
