"""M04, U02: what somebody wrote now is told apart from what they quote, in many languages."""

import unicodedata
from dataclasses import dataclass

import pytest

from channels.email.quote_ours import is_only_ours
from channels.email.quotes import MARKER, MOST_LINES, Split, decisive, split


@dataclass(frozen=True)
class Tongue:
    """How programs of one language announce a quote, head it, rule it off, and sign."""

    wrote: str
    labels: tuple[str, str, str, str]
    ruled: str
    sent_from: str


TONGUES = {
    "English": Tongue(
        "On Sun, 3 May 2026 at 10:00, Bot <bot@x.org> wrote:",
        ("From", "Sent", "To", "Subject"),
        "-----Original Message-----",
        "Sent from my iPhone",
    ),
    "German": Tongue(
        "Am So., 3. Mai 2026 um 10:00 Uhr schrieb Bot <bot@x.org>:",
        ("Von", "Gesendet", "An", "Betreff"),
        "-----Ursprüngliche Nachricht-----",
        "Von meinem iPhone gesendet",
    ),
    "French": Tongue(
        "Le dim. 3 mai 2026 à 10:00, Bot <bot@x.org> a écrit :",
        ("De ", "Envoyé ", "À ", "Objet "),
        "-----Message d'origine-----",
        "Envoyé de mon iPhone",
    ),
    "Spanish": Tongue(
        "El dom, 3 may 2026 a las 10:00, Bot (<bot@x.org>) escribió:",
        ("De", "Enviado el", "Para", "Asunto"),
        "-----Mensaje original-----",
        "Enviado desde mi iPhone",
    ),
    "Italian": Tongue(
        "Il giorno dom 3 mag 2026 alle ore 10:00 Bot <bot@x.org> ha scritto:",
        ("Da", "Inviato", "A", "Oggetto"),
        "-----Messaggio originale-----",
        "Inviato da iPhone",
    ),
    "Portuguese": Tongue(
        "Em dom., 3 de mai. de 2026 às 10:00, Bot <bot@x.org> escreveu:",
        ("De", "Enviada em", "Para", "Assunto"),
        "-----Mensagem original-----",
        "Enviado do meu iPhone",
    ),
    "Dutch": Tongue(
        "Op zo 3 mei 2026 om 10:00 schreef Bot <bot@x.org>:",
        ("Van", "Verzonden", "Aan", "Onderwerp"),
        "-----Oorspronkelijk bericht-----",
        "Verstuurd vanaf mijn iPhone",
    ),
    "Swedish": Tongue(
        "Den sön 3 maj 2026 kl 10:00 skrev Bot <bot@x.org>:",
        ("Från", "Skickat", "Till", "Ämne"),
        "-----Ursprungligt meddelande-----",
        "Skickat från min iPhone",
    ),
    "Danish": Tongue(
        "Den søn. 3. maj 2026 kl. 10.00 skrev Bot <bot@x.org>:",
        ("Fra", "Sendt", "Til", "Emne"),
        "-----Oprindelig meddelelse-----",
        "Sendt fra min iPhone",
    ),
    "Norwegian": Tongue(
        "søn. 3. mai 2026 kl. 10:00 skrev Bot <bot@x.org>:",
        ("Fra", "Sendt", "Til", "Emne"),
        "-----Opprinnelig melding-----",
        "Sendt fra min iPhone",
    ),
    "Finnish": Tongue(
        "su 3. toukok. 2026 klo 10.00 Bot (bot@x.org) kirjoitti:",
        ("Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe"),
        "-----Alkuperäinen viesti-----",
        "Lähetetty iPhonesta",
    ),
    "Polish": Tongue(
        "niedz., 3 maj 2026 o 10:00 Bot <bot@x.org> napisał(a):",
        ("Od", "Wysłano", "Do", "Temat"),
        "-----Wiadomość oryginalna-----",
        "Wysłane z iPhone'a",
    ),
    "Czech": Tongue(
        "ne 3. 5. 2026 v 10:00 odesílatel Bot <bot@x.org> napsal:",
        ("Od", "Odesláno", "Komu", "Předmět"),
        "-----Původní zpráva-----",
        "Odesláno z iPhonu",
    ),
    "Hungarian": Tongue(
        "Bot <bot@x.org> ezt írta (időpont: 2026. máj. 3., V, 10:00):",
        ("Feladó", "Elküldve", "Címzett", "Tárgy"),
        "-----Eredeti üzenet-----",
        "Az iPhone készülékemről küldve",
    ),
    "Russian": Tongue(
        "вс, 3 мая 2026 г. в 10:00, Bot <bot@x.org>:",
        ("От", "Отправлено", "Кому", "Тема"),
        "-----Исходное сообщение-----",
        "Отправлено с iPhone",
    ),
    "Ukrainian": Tongue(
        "нд, 3 трав. 2026 р. о 10:00 Bot <bot@x.org> пише:",
        ("Від", "Надіслано", "Кому", "Тема"),
        "-----Початкове повідомлення-----",
        "Надіслано з iPhone",
    ),
    "Turkish": Tongue(
        "Bot <bot@x.org>, 3 May 2026 Paz, 10:00 tarihinde şunu yazdı:",
        ("Kimden", "Gönderildi", "Kime", "Konu"),
        "-----Özgün İleti-----",
        "iPhone'umdan gönderildi",
    ),
    "Greek": Tongue(
        "Στις Κυρ 3 Μαΐ 2026 στις 10:00 π.μ., ο χρήστης Bot <bot@x.org> έγραψε:",
        ("Από", "Στάλθηκε", "Προς", "Θέμα"),
        "-----Αρχικό μήνυμα-----",
        "Στάλθηκε από το iPhone μου",
    ),
    "Japanese": Tongue(
        "2026年5月3日(日) 10:00 Bot <bot@x.org>:",
        ("差出人", "送信日時", "宛先", "件名"),
        "-----元のメッセージ-----",
        "iPhoneから送信",
    ),
    "Chinese": Tongue(
        "Bot <bot@x.org> 于2026年5月3日周日 10:00写道：",
        ("发件人", "发送时间", "收件人", "主题"),
        "------------------ 原始邮件 ------------------",
        "发自我的 iPhone",
    ),
    "Korean": Tongue(
        "2026년 5월 3일 (일) 오전 10:00, Bot <bot@x.org>님이 작성:",
        ("보낸 사람", "보낸 날짜", "받는 사람", "제목"),
        "-----원본 메시지-----",
        "내 iPhone에서 보냄",
    ),
}

ASKED = "Shall I book the flight?\nAnswer with one line:\nOK 7K3PWX\nor\nNO 7K3PWX"
QUOTED = "\n".join(f"> {line}" for line in ASKED.split("\n"))

tongues = pytest.mark.parametrize("tongue", TONGUES.values(), ids=TONGUES)


def block(labels: tuple[str, str, str, str], *, bold: bool = False) -> str:
    values = ("Bot <bot@x.org>", "3.5.2026 10:00", "Ann <ann@x.org>", "Flight")
    mark = "*" if bold else ""
    return "\n".join(f"{mark}{label}:{mark} {value}" for label, value in zip(labels, values, strict=True))


def wrapped(sentence: str) -> str:
    """As programs break a line before the address."""
    return sentence.replace(" Bot", "\nBot", 1)


@tongues
def test_what_stands_below_a_sentence_that_announces_it_is_quoted(tongue: Tongue) -> None:
    for wrote in (tongue.wrote, wrapped(tongue.wrote), unicodedata.normalize("NFD", tongue.wrote)):
        for below in (QUOTED, f"\n{QUOTED}", ASKED, f"\n{ASKED}"):
            assert split(f"Yes, please.\n\n{wrote}\n{below}\n") == Split(
                "Yes, please.", f"{wrote}\n{below}", "", inline=False
            )


@tongues
def test_what_stands_below_a_block_of_headers_is_quoted(tongue: Tongue) -> None:
    for bold in (False, True):
        quoted = f"{block(tongue.labels, bold=bold)}\n\n{ASKED}"

        assert split(f"Yes, please.\n\n{quoted}") == Split("Yes, please.", quoted)


@tongues
def test_what_stands_below_a_separator_is_quoted(tongue: Tongue) -> None:
    for headers in ("", block(tongue.labels) + "\n\n"):
        quoted = f"{tongue.ruled}\n{headers}{ASKED}"

        assert split(f"Yes, please.\n\n{quoted}") == Split("Yes, please.", quoted)


@tongues
def test_what_a_telephone_says_of_itself_is_signature(tongue: Tongue) -> None:
    assert split(f"Yes.\n\n{tongue.sent_from}") == Split("Yes.", "", tongue.sent_from)
    assert split(f"Yes.\n\n{tongue.sent_from}\n\n{tongue.wrote}\n\n{QUOTED}").signature == tongue.sent_from


@pytest.mark.parametrize(
    "line",
    [
        "From my point of view this is fine.",
        "Sent from my desk, which is much easier than from my telephone.",
        "Sent from Paris to Rome yesterday",
        "Envoyé de Paris hier soir.",
        "Gesendet von Rom nach Paris.",
        "Enviado de Lisboa ontem",
        "Get the tickets from my desk",
    ],
)
def test_a_sentence_that_only_begins_alike_is_no_signature(line: str) -> None:
    assert split(f"Here is the answer.\n\n{line}") == Split(f"Here is the answer.\n\n{line}")


@pytest.mark.parametrize(
    "text",
    [
        "On Monday Bob wrote:\nthat he is ill.\nWhat shall I do?",
        "Here is what he wrote:\nI am ill.",
        "From: Paris\nTo: Rome\nDate: 3 May 2026\nOne person, please.",
        "To: the whole team\nSubject: lunch\nPlease send this for me.",
        "The meeting is at 10:00:\n- lunch\n- talk",
        "One thing -- it is late.",
        "First part.\n\n________________________________\n\nSecond part.",
        "First part.\n\n--------\n\nSecond part.",
        "-- \n" + "\n".join(f"line {n}" for n in range(20)),
        "A list:\n- one\n- two\n\nBest regards,\nAnn",
        "Ann <ann@x.org>\nbooked it on 3.5.2026",
        "a -> b\nb > c\nx>y",
        "👍",
        "",
        "\n\n",
    ],
)
def test_new_text_that_looks_a_little_like_a_quote_stays_whole(text: str) -> None:
    assert split(f"Hello,\n{text}") == Split(f"Hello,\n{text}".strip("\n"))


def test_what_begins_with_the_line_of_a_signature_is_no_signature() -> None:
    assert split("--\nOnly this stands here.") == Split("--\nOnly this stands here.")


def test_a_sentence_right_above_an_announcement_stays_new() -> None:
    for said in ("Am 3.5. passt es.", "2 things, by 10:00!"):
        for tongue in TONGUES.values():
            assert split(f"{said}\n{tongue.wrote}\n{QUOTED}").new == said


def test_what_is_forwarded_is_shown_below_what_was_written_to_it() -> None:
    forwarded = f"---------- Forwarded message ---------\nFrom: Eve <eve@y.org>\nSubject: Hi\n\n{ASKED}"

    assert split(f"Please have a look.\n\n{forwarded}") == Split("Please have a look.", forwarded)
    assert split(forwarded) == Split("", forwarded)


@pytest.mark.parametrize(
    "announced",
    [
        "Begin forwarded message:",
        "Anfang der weitergeleiteten Nachricht:",
        "Début du message transféré :",
        "Inicio del mensaje reenviado:",
        "Begin doorgestuurd bericht:",
        "-------- Weitergeleitete Nachricht --------",
    ],
)
def test_forwards_of_other_programs_are_known_too(announced: str) -> None:
    for below in (QUOTED, ASKED):
        assert split(f"Look.\n\n{announced}\n\n{below}") == Split("Look.", f"{announced}\n\n{below}")


def test_an_answer_below_one_quote_is_new_and_the_quote_is_not() -> None:
    assert split(f"{TONGUES['English'].wrote}\n{QUOTED}\n\nYes.\n") == Split(
        "Yes.", f"{TONGUES['English'].wrote}\n{QUOTED}"
    )


def test_answers_between_quotes_keep_the_lines_that_they_answer_to() -> None:
    found = split("Hi,\n\n> Tea?\n\nYes.\n\n> Milk?\n> Sugar?\n\nNo.\n\n> Bye\n> Bot\n-- \nAnn\n")

    assert found == Split(
        "Hi,\n\n> Tea?\n\nYes.\n\n> Milk?\n> Sugar?\n\nNo.", "> Bye\n> Bot", "-- \nAnn", inline=True
    )


@tongues
def test_the_yes_of_another_who_answered_below_a_quote_is_not_the_senders(tongue: Tongue) -> None:
    """Bob wrote below our lines, and Ann's program quotes Bob without marks."""
    bobs = f"{QUOTED}\n\nOK 7K3PWX\n\nBob"

    for begin in (tongue.ruled, block(tongue.labels), f"{tongue.ruled}\n{block(tongue.labels)}", MARKER):
        assert split(f"Thanks\n\n{begin}\n\n{bobs}") == Split("Thanks", f"{begin}\n\n{bobs}")


def test_a_quoted_line_that_is_kept_begins_with_its_mark() -> None:
    assert split("Hi.\n  > Tea?\nYes.").new == "Hi.\n> Tea?\nYes."


def test_of_a_long_quote_above_an_answer_only_the_end_is_kept() -> None:
    long = "\n".join(f"> line {n}" for n in range(100))

    found = split(f"Hello.\n{long}\nThis is the answer.")

    assert found.inline
    assert found.new.startswith("Hello.\n\n> line 88\n")
    assert found.quoted.endswith("> line 87")


def test_a_signature_below_the_quote_makes_no_inline_reply() -> None:
    assert split(f"Yes.\n\n{QUOTED}\n\n-- \nAnn Bell\nBank") == Split("Yes.", QUOTED, "-- \nAnn Bell\nBank")
    assert split(f"Yes.\n\n{QUOTED}\n\nSent from my iPhone") == Split("Yes.", QUOTED, "Sent from my iPhone")


def test_the_footer_of_a_mailing_list_is_no_answer() -> None:
    footer = "_______________\nteam mailing list\nteam@lists.x.org\nhttps://lists.x.org/listinfo/team"

    assert split(f"Yes.\n\n{QUOTED}\n\n{footer}") == Split("Yes.", QUOTED, footer)
    assert split(f"Yes.\n\n{footer}") == Split("Yes.", "", footer)


@pytest.mark.parametrize(
    "marker", [MARKER, f"*{MARKER}*", f"  {MARKER}  ", MARKER.replace(" ", "\xa0"), "---^---"]
)
def test_everything_below_our_marker_is_quoted(marker: str) -> None:
    found = split(f"Yes.\n\n{marker}\n{ASKED}\n\n> x\n\nand more")

    assert found.new == "Yes."
    assert found.quoted.endswith("and more")


def test_our_marker_in_a_quoted_line_leaves_the_answer_below_it() -> None:
    assert split(f"> {MARKER}\n{QUOTED}\n\nYes.").new == "Yes."


def test_a_sentence_of_an_unknown_language_above_our_marker_is_quoted() -> None:
    for sentence in ("Bot <bot@x.org> qhelqa 3.5.2026:", "Ngày 3.5.2026 10:00 Bot <bot@x.org>"):
        assert split(f"Yes.\n\n{sentence}\n\n{MARKER}\n{ASKED}").new == "Yes."


OURS = (
    "Dear Ann,\n\nshall I book the flight to Lisbon on Monday at ten for two people, as you have asked?\n"
    "It costs 420 euros. Answer with one of these lines:\n\nOK 7K3PWX\n\nNO 7K3PWX\n\nYour assistant"
)


def test_our_own_text_is_found_without_any_mark() -> None:
    assert split(f"I think so.\n\n{OURS}", ours=[OURS]) == Split("I think so.", OURS)
    assert "OK 7K3PWX" in split(f"I think so.\n\n{OURS}").new.split("\n")


def test_our_own_text_is_found_however_it_is_wrapped_and_spelled() -> None:
    words = OURS.split()
    rewrapped = "\n".join(" ".join(words[at : at + 4]) for at in range(0, len(words), 4))

    for quoted in (rewrapped, OURS.upper(), OURS.replace("\n", "\n    "), OURS.replace(" ", "\xa0")):
        assert split(f"I think so.\n\n{quoted}", ours=["other", OURS]).new == "I think so."


def test_answers_within_our_own_text_keep_it_with_a_mark() -> None:
    first, second = OURS[: OURS.index("It costs")].strip(), OURS[OURS.index("It costs") :]

    found = split(f"{first}\n\nBetter at eleven.\n\n{second}\n\nToo much.", ours=[OURS])

    assert found.inline
    assert "Better at eleven." in found.new.split("\n")
    assert "> OK 7K3PWX" in found.new.split("\n")
    assert "OK 7K3PWX" not in found.new.split("\n")


def test_a_few_words_that_we_used_too_stay_the_persons_own() -> None:
    for said in ("OK 7K3PWX", "OK 7K3PWX\nThanks", "book the flight to Lisbon on Monday at ten"):
        assert split(said, ours=[OURS]) == Split(said)


def test_a_line_with_words_of_their_own_among_ours_stays_new() -> None:
    said = f"You ask: {OURS.split(chr(10))[2]} I say no."

    assert split(said, ours=[OURS]) == Split(said)


def test_our_own_text_in_a_language_without_spaces_is_found() -> None:
    ours = (
        "リスボン行きの飛行機を月曜日の十時に予約してもよろしいでしょうか。\nOK 7K3PWX\nと返信してください。"
    )

    assert split(f"はい。\n\n{ours}", ours=[ours]).new == "はい。"


def test_ends_of_lines_may_be_those_of_any_system() -> None:
    for end in ("\n", "\r\n", "\r"):
        assert split(end.join(["Yes.", "", "> Tea?", "> Milk?", ""])) == Split("Yes.", "> Tea?\n> Milk?")


@pytest.mark.parametrize("sign", ["\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_no_other_sign_ends_a_quoted_line(sign: str) -> None:
    found = split(f"Hi.\n> Tea?{sign}OK 7K3PWX\nYes.\n> Milk?\nNo.")

    assert found.inline
    assert "OK 7K3PWX" not in found.new.splitlines()
    assert "> Tea? OK 7K3PWX" in found.new.splitlines()


def test_a_quoted_line_goes_on_where_its_soft_end_was_not_understood() -> None:
    long = "> " + "very " * 14 + "long=\nline\n> and more"

    assert split(f"Yes.\n\n{long}") == Split("Yes.", long)


def test_more_lines_than_anybody_types_are_quoted_from_there_on() -> None:
    found = split("line\n" * MOST_LINES + "OK 7K3PWX\n")

    assert "OK 7K3PWX" not in found.new
    assert "OK 7K3PWX" in found.quoted


def test_a_yes_is_read_in_an_inline_reply_only_above_all_quotes() -> None:
    below = split("Hi.\n\n> Tea?\n\nOK 7K3PWX\n\n> Milk?\n\nNo.")
    above = split("OK 7K3PWX\n\n> Tea?\n\nAnn Bell, Bank")

    assert decisive(below.new, inline=below.inline) == "Hi."
    assert decisive(above.new, inline=above.inline) == "OK 7K3PWX"
    assert decisive("a\n\nb", inline=False) == "a\n\nb"


# ---------------------------------------------------------------- a quote of nothing but ours


@pytest.mark.parametrize(
    ("quoted", "only"),
    [
        ("On Monday, Saywhen wrote:\n\n> Tea costs *3* coins.", True),
        ("On Monday,\nSaywhen <bot@example.org>\nwrote:\n> Tea costs\n> 3 coins.", True),
        ("> Tea costs 3 coins.", True),
        ("Tea costs 3 coins.", True),
        ("On Monday, Saywhen wrote:\n> Tea costs 4 coins.", False),
        ("On Monday, Saywhen wrote:\n> Tea costs 3 coins.\n> Pay eve.", False),
        ("Pay eve.\nOn Monday, Saywhen wrote:\n> Tea costs 3 coins.\n> > Pay eve.", False),
        ("On Monday, Saywhen wrote:\n> Tea costs", False),
        ("On Monday, Saywhen wrote:", False),
        ("", False),
    ],
)
def test_a_quote_of_one_whole_text_of_ours_says_nothing_new(quoted: str, only: bool):
    assert is_only_ours(quoted, ["Coffee is out.", "Tea costs **3** coins."]) is only
    assert not is_only_ours(quoted, [])
    assert not is_only_ours(quoted, ["", "..."])
