"""Subjects that mail programs give to automatic answers, in the languages of their makers' menus."""

# ruff: noqa: RUF001 - letters of other languages are meant here

import re
import unicodedata

# These are said by programs alone, so what follows does not matter.
_ALWAYS = (
    "automatic reply", "auto reply", "auto-reply", "autoreply", "automated reply", "automatic response",
    "auto response", "auto-response", "autoresponse", "automated response", "autoresponder",
    "out of office autoreply", "out of office reply", "vacation reply", "vacation response",
    "away notification", "automatische antwort", "automatische rückantwort", "abwesenheitsnotiz",
    "abwesenheitsmeldung", "abwesenheitsnachricht", "abwesenheitsbenachrichtigung", "réponse automatique",
    "reponse automatique", "message automatique", "notification d'absence", "message d'absence",
    "avis d'absence", "respuesta automática", "respuesta automatica", "contestación automática",
    "mensaje de fuera de oficina", "risposta automatica", "resposta automática", "resposta automatica",
    "automatisch antwoord", "automatische beantwoording", "afwezigheidsbericht", "afwezigheidsmelding",
    "odpowiedź automatyczna", "automatyczna odpowiedź", "autoodpowiedź", "autosvar", "automatiskt svar",
    "automatisk svar", "frånvaromeddelande", "fraværsassistent", "fraværsmelding", "automaattinen vastaus",
    "poissaoloviesti", "automatická odpověď", "automatická odpoveď", "automatikus válasz", "răspuns automat",
    "автоматический ответ", "автоответ", "автоматична відповідь", "автоматичен отговор", "αυτόματη απάντηση",
    "otomatik yanıt", "otomatik cevap", "自動応答", "自動返信", "不在通知",
    "自动答复", "自动回复", "自動回覆", "自動回復", "자동 회신",
    "자동회신", "자동 응답", "부재중 자동", "תשובה אוטומטית", "رد تلقائي", "ตอบกลับอัตโนมัติ", "trả lời tự động",
)  # fmt: skip

# People say these too, so they count only as a whole subject, or before a colon.
_ALONE = (
    "out of office", "out of the office", "ooo", "auto", "away", "away from my mail", "on vacation",
    "vacation", "i am out of the office", "abwesenheit", "abwesend", "nicht im büro", "ich bin nicht im büro",
    "im urlaub", "absence", "absence du bureau", "absent du bureau", "absent", "fuera de la oficina",
    "fuera de oficina", "ausente", "ausencia", "fuori sede", "fuori ufficio", "assente", "assenza",
    "fora do escritório", "ausência temporária", "ausente do escritório", "afwezig", "niet op kantoor",
    "buiten kantoor", "poza biurem", "nieobecność", "nieobecny", "frånvaro", "frånvarande", "fraværende",
    "ikke til stede", "ikke på kontoret", "poissa", "mimo kancelář", "házon kívül", "вне офиса",
    "нет на месте", "отсутствие", "ofis dışında", "不在", "外出", "不在办公室", "부재중",
)  # fmt: skip

_BEFORE = re.compile(r"^[\s\[({\"'*:!-]*")


def _pattern(phrases: tuple[str, ...]) -> str:
    return "|".join(re.escape(unicodedata.normalize("NFKC", phrase).casefold()) for phrase in phrases)


_AUTOMATIC = re.compile(
    rf"(?:{_pattern(_ALWAYS)})(?![^\W\d_])|(?:{_pattern(_ALONE)})(?:\s*[:：]|[\s!.)\]}}*\"']*$)",
)


def is_automatic_subject(subject: str) -> bool:
    """Whether it begins as those of automatic answers do; not as an answer to one ("Re: Out of office")."""
    text = " ".join(unicodedata.normalize("NFKC", subject[:500]).casefold().split()).replace("\u2019", "'")
    return bool(_AUTOMATIC.match(_BEFORE.sub("", text)))
