"""Which mails are never answered: what programs send, what goes to many, and what came from us."""

# ruff: noqa: E501 - tables read better with a line for each case

import pytest

from channels.email.automatic import why_automatic
from channels.email.out_of_office import is_automatic_subject
from channels.email.reading import read
from tests.channels.mail_kit import REAL

US = "bot@example.net"


def mail(*headers: str, sender: str = "Ann <ann@example.org>", subject: str = "Re: your question") -> bytes:
    return "\r\n".join(
        (f"From: {sender}", f"To: {US}", f"Subject: {subject}", *headers, "", "I am away.")
    ).encode()


# What these systems put on automatic answers: from samples, their documentation, or mails of theirs that are public.
SYSTEMS = {
    "Exchange Online": mail("Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All", subject="Automatic reply: hi"),
    "Exchange 2010": mail("X-Auto-Response-Suppress: All", "X-MS-Exchange-Inbox-Rules-Loop: a@b.c", subject="Automatic reply: hi"),
    "Exchange 2003": mail("X-Mailer: Microsoft CDO for Exchange 2000", subject="Out of Office AutoReply: hi"),
    "Outlook.com": mail("X-Auto-Response-Suppress: DR, OOF, AutoReply", subject="Automatic reply: hi"),
    "Outlook in German": mail(subject="Automatische Antwort: hi"),
    "Gmail": mail("Precedence: bulk", "X-Autoreply: yes", "Auto-Submitted: auto-replied", subject="Out Re: hi"),
    "Yahoo": mail("X-Yahoo-Newman-Id: x", "Auto-Submitted: auto-replied", "Precedence: auto_reply"),
    "iCloud": mail("Auto-Submitted: auto-replied (vacation)", "X-Autoreply: yes"),
    "GMX and web.de": mail("Auto-Submitted: auto-replied", "X-UI-Out-Filterresults: notjunk:1"),
    "Fastmail (Cyrus Sieve)": mail("Auto-Submitted: auto-replied (vacation)", "X-Sieve: CMU Sieve 3.0"),
    "Dovecot Pigeonhole": mail("Auto-Submitted: auto-replied (vacation)", "Precedence: bulk", "X-Sieve: Pigeonhole Sieve"),
    "Exim vacation": mail("Return-Path: <>", "Auto-Submitted: auto-replied", "X-Loop: ann@example.org"),
    "vacation(1)": mail("Precedence: bulk", "Auto-Submitted: auto-replied", subject="away from my mail"),
    "procmail": mail("X-Loop: bot@example.net", subject="Re: hi (autoreply)"),
    "Postfixadmin": mail("Precedence: junk", "X-Autoresponder: yes"),
    "cPanel": mail("X-Autorespond: hi", "Precedence: auto_reply", "X-Precedence: auto_reply"),
    "Plesk": mail("Precedence: bulk", "X-Mailer: PLESK Auto-Responder", "Auto-Submitted: auto-replied"),
    "Zimbra": mail("Auto-Submitted: auto-replied (zimbra; readreceipt=no)", "Precedence: bulk"),
    "Lotus Notes": mail(subject="AUTO: Ann is out of the office (returning 05.01.2026)") + b"\r\n",
    "GroupWise": mail("Return-Path: <>", subject="Re: hi"),
    "Kerio": mail("X-Autoreply-From: ann@example.org", "Auto-Submitted: auto-replied"),
    "MDaemon": mail("X-MDaemon-Deliver-To: x", "Precedence: bulk", "X-MDAutoresponder: x"),
    "FirstClass": mail("X-FC-MachineGenerated: true"),
    "Zendesk": mail("Auto-Submitted: auto-generated", "X-Mailer: Zendesk Mailer", "X-Auto-Response-Suppress: All"),
    "Freshdesk": mail("Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: OOF, AutoReply"),
    "OTRS": mail("X-OTRS-Loop: yes", "Precedence: bulk", "Auto-Submitted: auto-generated", "X-Loop: otrs@example.org"),
    "RT": mail("RT-Originator: x", "Precedence: bulk", "Auto-Submitted: auto-generated", "X-RT-Loop-Prevention: x"),
    "JIRA": mail("Precedence: bulk", "Auto-Submitted: auto-generated", "X-JIRA-FingerPrint: x"),
    "GitHub": mail("List-Unsubscribe: <mailto:x@reply.github.com>", "X-GitHub-Reason: mention", sender="notifications@github.com"),
    "ServiceNow": mail("X-ServiceNow-Generated: true", "Auto-Submitted: auto-generated", "Precedence: bulk"),
    "Salesforce": mail("X-SFDC-EmailCategory: caseAutoResponse", "X-Mail-Autoreply: yes", "Precedence: bulk"),
    "HubSpot": mail("List-Unsubscribe: <https://x.example/u>", "X-HS-Cid: 1", "Feedback-ID: x"),
    "Mailman": mail("List-Id: <talk.example.org>", "X-Mailman-Version: 2.1", "Precedence: list"),
    "Google Groups": mail("List-ID: <x.googlegroups.com>", "Mailing-list: list x@googlegroups.com"),
    "Sympa": mail("List-Post: <mailto:talk@example.org>", "Precedence: list", "X-Loop: talk@example.org"),
    "ezmlm": mail("Mailing-List: contact talk-help@example.org; run by ezmlm", sender="talk-owner@example.org"),
    "Amazon SNS": mail(sender="AWS Notifications <no-reply@sns.amazonaws.com>"),
    "cron": mail("X-Cron-Env: <SHELL=/bin/sh>", sender="root (Cron Daemon) <root@example.org>", subject="Cron <root@x> job"),
    "a postmaster": mail(sender="Postmaster <postmaster@example.org>"),
    "a daemon without an address": mail(sender="MAILER-DAEMON <>", subject="hello"),
    "Apple's vacation in Japanese": mail(subject="=?utf-8?b?5LiN5Zyo6YCa55+l?="),
}  # fmt: skip


def test_there_are_enough_systems():
    assert len(SYSTEMS) >= 30


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_a_system_sends_by_itself_is_not_answered(system: str):
    found = read(SYSTEMS[system])

    assert found.automatic or why_automatic(found.headers, found.report, found.header("content-type"), (US,))


@pytest.mark.parametrize(
    "person",
    [
        mail(),
        mail("Auto-Submitted: no"),
        mail("Auto-Submitted: No (a person)"),
        mail("Precedence: normal"),
        mail("Precedence: first-class"),
        mail("X-Auto-Response-Suppress: none"),
        mail("Return-Path: <ann@example.org>"),
        mail("Return-Path: <bounces+12-ab=example.net@em.example.org>"),
        mail("X-Loop: ann@example.org"),
        mail("X-Mailer: Apple Mail"),
        mail("List-Id:"),
        mail("X-Autoreply: no"),
        mail("In-Reply-To: <sw.x@example.net>", "References: <sw.x@example.net>"),
        mail("Thread-Topic: Automatic reply", "X-MS-Has-Attach:"),
        mail("X-MS-Exchange-Inbox-Rules-Loop: desk@example.org"),
        mail(subject="Re: Automatic reply: hi"),
        mail(subject="Who is out of office next week?"),
        mail(subject="Out of office next week"),
        mail(subject="Vacation plans"),
        mail(subject="Automobile"),
        mail(subject="Absence de réponse"),
        mail(subject="autoreplying to mails"),
        mail(subject="Abwesenheitsvertretung gesucht"),
        mail(subject=""),
        mail(sender="ownership@example.org"),
        mail(sender="rooting@example.org"),
        mail(sender="requests.team@example.org"),
        mail(sender='"No Reply Needed" <ann@example.org>'),
        mail(sender='"Postmaster Pat" <pat@example.org>'),
        mail(sender="noreplyfan@example.org"),
        mail("Reply-To: ann@example.com"),
        mail("Disposition-Notification-To: ann@example.org"),
    ],
)
def test_what_a_person_wrote_is_answered(person: bytes):
    found = read(person)

    assert found.automatic == ""
    assert why_automatic(found.headers, found.report, found.header("content-type"), (US,)) == ""


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (mail("Auto-Submitted: auto-replied; owner-email=x@y.z"), "it was sent automatically (Auto-Submitted: auto-replied)"),
        (mail("AUTO-SUBMITTED: Auto-Generated"), "it was sent automatically (Auto-Submitted: auto-generated)"),
        (mail("Auto-Submitted: no", "Auto-Submitted: auto-replied"), "it was sent automatically (Auto-Submitted: auto-replied)"),
        (mail("Precedence: BULK "), "it went to many or was sent automatically (Precedence: bulk)"),
        (mail("List-Id: <x>"), "it went to a mailing list (list-id)"),
        (mail("X-Auto-Response-Suppress: dr"), "its sender asks for no automatic answer (X-Auto-Response-Suppress)"),
        (mail("X-Autoresponder: 1"), "it was sent automatically (x-autoresponder)"),
        (mail("Return-Path: <>"), "it has no return address (Return-Path)"),
        (mail("Return-Path: <MAILER-DAEMON@example.org>"), "it has no return address (Return-Path)"),
        (mail(sender="MAILER-DAEMON@example.org"), "a mail system sent it"),
        (mail(sender="do-not-reply@example.org"), "its sender takes no answers"),
        (mail(sender="billing.noreply@example.org"), "its sender takes no answers"),
        (mail("Reply-To: noreply@example.org"), "its sender takes no answers"),
        (mail("X-Saywhen: 1"), "it was sent by Saywhen"),
        (mail(subject="Abwesenheitsnotiz: hi"), "its subject is that of an automatic answer"),
    ],
)  # fmt: skip
def test_the_reason_is_said_in_words(raw: bytes, why: str):
    assert read(raw).automatic == why


@pytest.mark.parametrize(
    "raw",
    [
        mail(sender=f"Saywhen <{US.upper()}>"),
        mail(f"X-Loop: {US}"),
        mail(f"X-Loop: <{US}>"),
        mail(f"From: {US}"),
    ],
)
def test_what_came_from_us_is_known_by_our_addresses(raw: bytes):
    found = read(raw)

    assert found.automatic == ""
    assert why_automatic(found.headers, "", "", (US,)) != ""
    assert why_automatic(found.headers, "", "", ("other@example.net",)) == ""


def test_a_return_path_further_below_does_not_count():
    assert read(mail("Return-Path: <ann@example.org>", "Return-Path: <>")).automatic == ""


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: hi", "Auto-Reply: hi", "Out of Office: hi", "OOO: hi", "[Automatic reply] hi", "Out of the office",
        "Abwesenheitsnotiz: hi", "Automatische Antwort: hi", "Abwesend: hi",
        "Réponse automatique : hi", "Absence du bureau: hi", "Notification d’absence", "Message d'absence",
        "Respuesta automática: hi", "Fuera de la oficina: hi",
        "Risposta automatica: hi", "Fuori sede: hi",
        "Resposta automática: hi", "Ausência temporária: hi",
        "Automatisch antwoord: hi", "Afwezig: hi",
        "Odpowiedź automatyczna: hi", "Poza biurem: hi",
        "Autosvar: hi", "Automatiskt svar: hi", "Frånvaro: hi",
        "Automatisk svar: hi", "Fraværsassistent: hi",
        "Automaattinen vastaus: hi", "Poissa: hi",
        "Automatická odpověď: hi", "Автоматический ответ: hi", "Автоответ: hi", "Otomatik yanıt: hi",
        "自動応答: hi", "不在通知", "自动答复: hi", "自動回覆: hi", "외출: x".replace("외출", "부재중"), "자동 회신: hi",
        "Αυτόματη απάντηση: hi", "Automatikus válasz: hi", "AUTOMATIC REPLY:hi", "autoreply",
    ],
)  # fmt: skip
def test_subjects_of_automatic_answers_are_known_in_many_languages(subject: str):
    assert is_automatic_subject(subject)


def test_no_bounce_or_automatic_answer_among_real_mails_is_answered():
    machines = [
        path
        for path in REAL
        if path.parent.name == "sisimai" or "report" in path.name or "bounce" in path.name
    ]
    assert len(machines) >= 30

    answered = [path.name for path in machines if not read(path.read_bytes()).automatic]

    assert answered == []


def test_real_mails_of_people_are_answered():
    people = [path for path in REAL if path.parent.name == "talon"]

    assert [path.name for path in people if read(path.read_bytes()).automatic] == []
