"""Mails made to hurt whoever reads them. None may cost more than two seconds, or raise a surprise."""

import base64
import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable

FROM = b"From: Ann <ann@example.org>\r\n"
HEAD = FROM + b"To: bot@example.net\r\nSubject: hi\r\nMessage-ID: <1@example.org>\r\n"


def plain(body: bytes = b"hello\r\n", *headers: bytes) -> bytes:
    return HEAD + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


def multipart(*parts: bytes, kind: bytes = b"mixed", more: bytes = b"") -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return plain(body + b"--b--\r\n", b'Content-Type: multipart/%s; boundary="b"%s' % (kind, more))


def file(content: bytes, name: bytes = b"f.bin", kind: bytes = b"application/octet-stream") -> bytes:
    return (
        b'Content-Type: %s\r\nContent-Disposition: attachment; filename="%s"\r\n' % (kind, name)
        + b"Content-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(content)
    )


def html(text: bytes) -> bytes:
    return plain(text, b"Content-Type: text/html; charset=utf-8")


TEXT = b"Content-Type: text/plain\r\n\r\nhello"


# ---------------------------------------------------------------- files


def zip_of(entries: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def zip_bomb() -> bytes:
    return zip_of({f"{n}.txt": bytes(4 << 20) for n in range(8)})


def zip_overlapping() -> bytes:
    """Many entries of the table of contents that all mean the same data, as in David Fifield's bombs."""
    whole = zip_of({"a.txt": bytes(1 << 20)})
    at = whole.index(b"PK\x01\x02")
    end = whole.index(b"PK\x05\x06")
    entry = whole[at:end]
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 5000, 5000, len(entry) * 5000, at, 0)
    return whole[:at] + entry * 5000 + tail


def zip_encrypted() -> bytes:
    data = bytearray(zip_of({"secret.txt": b"hidden"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def docx(relations: bytes) -> bytes:
    return zip_of({"[Content_Types].xml": b"<Types/>", "word/_rels/document.xml.rels": relations})


def gzip_bomb(size: int = 30 << 20) -> bytes:
    return gzip.compress(bytes(size))


def gzip_endless() -> bytes:
    """Four GiB in four MiB, made without unpacking them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    unit = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + unit * 4_096


def png(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = b"\0\0\0\0IEND\xaeB`\x82"
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + end


def tnef(*objects: tuple[int, int, int, bytes], signature: int = 0x223E9F78) -> bytes:
    """(level, name, type, data) each."""
    data = struct.pack("<IH", signature, 1)
    for level, name, kind, content in objects:
        data += struct.pack("<BHHI", level, name, kind, len(content)) + content
        data += struct.pack("<H", sum(content) & 0xFFFF)
    return data


def winmail(name: bytes = b"offer.pdf", content: bytes = b"%PDF-1.4 offer") -> bytes:
    return tnef(
        (1, 0x9006, 8, struct.pack("<I", 0x10000)),
        (1, 0x9007, 6, struct.pack("<II", 1252, 0)),
        (1, 0x800C, 2, b"The text in Outlook's envelope\0"),
        (2, 0x9002, 6, bytes(14)),
        (2, 0x8010, 1, name + b"\0"),
        (2, 0x800F, 6, content),
    )


# ---------------------------------------------------------------- mails


def _nested_messages(depth: int) -> bytes:
    return HEAD + b"Content-Type: message/rfc822\r\n\r\n" * depth + b"x"


def _nested_multiparts(depth: int) -> bytes:
    opened = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)
    )
    return HEAD + opened + TEXT


def _in_charset(name: str) -> Callable[[], bytes]:
    kind = f"Content-Type: text/plain; charset={name}".encode()
    return lambda: plain(b"xn--" + b"a" * 60_000, kind)


CODECS = ("idna", "punycode", "zip", "undefined", "unicode_escape", "base64", "utf-16", "utf-7")

MAILS: dict[str, Callable[[], bytes]] = {
    # headers
    "nothing": lambda: b"",
    "line ends alone": lambda: b"\r\n\r\n\r\n",
    "no body": lambda: HEAD,
    "no headers": lambda: b"just text\r\n\r\nmore\r\n",
    "empty message id": lambda: FROM + b"Message-ID: <>\r\n\r\nx",
    "message id of brackets": lambda: FROM + b"Message-ID: " + b"<" * 50_000 + b"\r\n\r\nx",
    "message id that never ends": lambda: FROM + b"Message-ID: <" + b"a" * 50_000 + b"\r\n\r\nx",
    "a header of one megabyte": lambda: plain(b"x", b"X-Long: " + b"a" * (1 << 20)),
    "100,000 headers": lambda: HEAD + b"X: y\r\n" * 100_000 + b"\r\nx",
    "10,000 encoded words": lambda: HEAD + b"Subject:" + b"\r\n =?utf-8?q?a?=" * 10_000 + b"\r\n\r\nx",
    "300 KB of encoded words": lambda: HEAD + b"Subject: " + b"=?utf-8?q?a?= " * 21_000 + b"\r\n\r\nx",
    "encoded words that never end": lambda: HEAD + b"Subject: " + b"=?a?q?" * 15_000 + b"\r\n\r\nx",
    "20,000 addresses": lambda: HEAD + b"To: " + b"a@example.org, " * 20_000 + b"b@x.y\r\n\r\nx",
    "5,000 addresses": lambda: HEAD + b"To: " + b"a@example.org, " * 5_000 + b"b@x.y\r\n\r\nx",
    "100 KB of quotes": lambda: HEAD + b"To: " + b'"' * 99_999 + b"\r\n\r\nx",
    "100 KB of comments": lambda: HEAD + b"To: " + b"(" * 99_000 + b"\r\n\r\nx",
    "comments within comments": lambda: HEAD + b"To: " + b"(" * 900 + b")" * 900 + b" a@b.c\r\n\r\nx",
    "100 KB of at signs": lambda: b"From: " + b"@" * 99_000 + b"\r\n\r\nx",
    "100 KB of backslashes": lambda: b'From: "' + b"\\" * 99_000 + b"\r\n\r\nx",
    "two From headers": lambda: FROM + HEAD + b"\r\nx",
    "two mailboxes in From": lambda: b"From: a@example.org, b@example.org\r\n\r\nx",
    "an address as a name": lambda: b'From: "boss@example.org" <eve@evil.example>\r\n\r\nx',
    "an encoded at sign": lambda: b"From: =?utf-8?q?boss=40example.org?= <eve@evil.example>\r\n\r\nx",
    "NUL in headers": lambda: b"From: a\x00nn@example.org\r\nSub\x00ject: x\r\nTo: b@c.d\r\n\r\nx",
    "8 bit headers": lambda: FROM + b"Subject: Gr\xfc\xdfe \xff\xfe\r\n\r\nx",
    "a carriage return in a header": lambda: FROM + b"Subject: x\rBcc: y@z.org\r\n\r\nx",
    "an encoded line end": lambda: FROM + b"Subject: =?utf-8?q?a=0D=0ABcc:_x=40y.z?=\r\n\r\nx",
    "folded 10,000 times": lambda: FROM + b"Subject: a" + b"\r\n " * 10_000 + b"\r\n\r\nx",
    "a line that is no header": lambda: FROM + b"oops\r\nTo: x@y.z\r\n\r\nx",
    "a header without a name": lambda: b": x\r\n" + HEAD + b"\r\nx",
    "an mbox line": lambda: b"From ann Mon Jan  1 00:00:00 2001\r\n" + HEAD + b"\r\nx",
    "a date far away": lambda: FROM + b"Date: Mon, 01 Jan 99999 00:00:00 +9999\r\n\r\nx",
    "a date of digits": lambda: FROM + b"Date: " + b"9" * 5_000 + b"\r\n\r\nx",
    "5,000 references": lambda: FROM + b"References:" + b" <a@b.c>\r\n" * 5_000 + b"\r\nx",
    "10,000 references": lambda: FROM + b"References: " + b"<a@b.c>" * 10_000 + b"\r\n\r\nx",
    "utf-7 surrogates": lambda: FROM + b"Subject: =?utf-7?q?+2AAA?=\r\n\r\nx",
    # charsets and encodings
    "an unknown charset": lambda: plain(b"\xe4\xf6\xfc", b"Content-Type: text/plain; charset=x-unknown"),
    **{f"the charset {name}": _in_charset(name) for name in CODECS},
    "a charset of 60 KB": lambda: plain(b"x", b'Content-Type: text/plain; charset="' + b"a" * 60_000),
    "NUL in the text": lambda: plain(b"a\x00b\x00" * 1_000),
    "broken base64": lambda: plain(b"=a=b===c" * 9_999 + b"A", b"Content-Transfer-Encoding: base64"),
    "broken quoted-printable": lambda: plain(b"=" * 100_000 + b"=Z", b"Content-Transfer-Encoding: quoted-printable"),
    "an unknown encoding": lambda: plain(b"x", b"Content-Transfer-Encoding: x-" + b"y" * 9_000),
    "uuencoded": lambda: plain(b"begin 644 f\r\n#0V%T\r\n`\r\nend\r\n", b"Content-Transfer-Encoding: x-uuencode"),
    "carriage returns alone": lambda: HEAD.replace(b"\r\n", b"\r") + b"\rhello\rthere\r",
    "one line of 5 MB": lambda: plain(b"a" * (5 << 20)),
    "500,000 lines": lambda: plain(b"\r\n" * 500_000),
    "flowed lines": lambda: plain(b"> a \r\n>> b \r\n" * 30_000, b"Content-Type: text/plain; format=flowed; delsp=yes"),
    # structure
    "1,500 nested messages": lambda: _nested_messages(1_500),
    "1,500 nested multiparts": lambda: _nested_multiparts(1_500),
    "29 nested multiparts": lambda: _nested_multiparts(29),
    "10,000 parts": lambda: multipart(*(TEXT for _ in range(10_000))),
    "900 parts": lambda: multipart(*(TEXT for _ in range(900))),
    "400 files": lambda: multipart(*(file(b"%d" % n) for n in range(400))),
    "100,000 lines like a boundary": lambda: plain(
        b"--b!\r\n" * 100_000, b"Content-Type: multipart/mixed; boundary=b"
    ),
    "an empty boundary": lambda: plain(b"--\r\n--\r\n", b'Content-Type: multipart/mixed; boundary=""'),
    "no boundary": lambda: plain(b"hello", b"Content-Type: multipart/mixed"),
    "a boundary of 10 KB": lambda: plain(b"hello", b"Content-Type: multipart/mixed; boundary=" + b"b" * 10_000),
    "a boundary that never comes": lambda: plain(b"hello", b"Content-Type: multipart/mixed; boundary=b"),
    "the same boundary within": lambda: multipart(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + TEXT),
    "a boundary that begins another": lambda: multipart(
        b"Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n" + TEXT + b"\r\n--bb--"
    ),
    "an encoded multipart": lambda: plain(
        base64.encodebytes(b"--b\r\n" + TEXT), b"Content-Type: multipart/mixed; boundary=b",
        b"Content-Transfer-Encoding: base64",
    ),
    "parts without anything": lambda: multipart(b"", b"", b"", kind=b"alternative"),
    "a content type of noise": lambda: plain(b"x", b"Content-Type: ;;;=;/;\"';"),
    "5,000 parameters": lambda: plain(b"x", b"Content-Type: text/plain" + b"; a=b" * 5_000),
    "quotes that never end": lambda: plain(b"x", b"Content-Type: text/plain" + b'; a="' * 15_000),
    "1,000 pieces of a name": lambda: multipart(
        b"Content-Disposition: attachment" + b"".join(b"; filename*%d*=utf-8''%%zz" % n for n in range(1_000))
    ),
    "an external body": lambda: plain(b"x", b"Content-Type: message/external-body; access-type=URL"),
    "a part of a message": lambda: plain(b"x", b"Content-Type: message/partial; number=1; total=9"),
    "a headless signature": lambda: multipart(TEXT, kind=b"signed"),
    # HTML
    "30,000 nested tags": lambda: html(b"<div>" * 30_000 + b"hello" + b"</div>" * 30_000),
    "30,000 nested lists": lambda: html(b"<ul><li>" * 30_000 + b"hello"),
    "fonts within fonts": lambda: html(
        b"<p>" + b"".join(b"<font color=%d>" % n for n in range(3_000)) + b"</p><p>x</p>" * 3_000
    ),
    "300,000 angle brackets": lambda: html(b"<" * 300_000),
    "100,000 open tags": lambda: html(b"<a " * 100_000),
    "open quotes in tags": lambda: html(b'<a "' * 100_000),
    "200,000 paragraphs": lambda: html(b"<p>" * 200_000),
    "a table of 100,000 cells": lambda: html(b"<table>" + b"<td>x" * 100_000),
    "10,000 comments": lambda: html(b"<!-- x --><!--" * 10_000),
    "entities far away": lambda: html(b"&#99999999999;&#x110000;&#xd800;&#0;" * 10_000),
    "styles without end": lambda: html(b'<p style="' + b"a:b;" * 200_000),
    "more HTML than is read": lambda: html(b"<p>hello</p>" * 120_000),
    # files
    "a zip bomb": lambda: multipart(TEXT, file(zip_bomb())),
    "an overlapping zip bomb": lambda: multipart(TEXT, file(zip_overlapping())),
    "a broken zip": lambda: multipart(TEXT, file(b"PK\x03\x04" + b"PK\x05\x06" * 1_000)),
    "a gzip bomb": lambda: multipart(TEXT, file(gzip_bomb())),
    "a broken gzip": lambda: multipart(TEXT, file(b"\x1f\x8b" + b"x" * 1_000)),
    "a png bomb": lambda: multipart(TEXT, file(png(60_000, 60_000), kind=b"image/png")),
    "a jpeg of segments": lambda: multipart(TEXT, file(b"\xff\xd8" + b"\xff\xe0\x00\x02" * 100_000)),
    "a winmail.dat": lambda: multipart(TEXT, file(winmail(), b"winmail.dat", b"application/ms-tnef")),
    "a broken winmail.dat": lambda: multipart(TEXT, file(winmail()[:70], b"winmail.dat")),
    "a winmail.dat of objects": lambda: multipart(
        TEXT, file(tnef(*[(2, 0x9002, 6, b"")] * 30_000), b"winmail.dat")
    ),
    "a winmail.dat of properties": lambda: multipart(
        TEXT, file(tnef((1, 0x9003, 6, struct.pack("<IHHI", 2**31, 0x101F, 1, 2**31))), b"winmail.dat")
    ),
    "an answer of 1 MB": lambda: plain(b"A" * (1 << 20), b"Content-Type: text/calendar; method=REPLY"),
    "a broken answer": lambda: plain(b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT", b"Content-Type: text/calendar; method=REPLY"),
    "nested calendars": lambda: plain(b"BEGIN:VCALENDAR\r\n" * 3_000, b"Content-Type: text/calendar; method=REPLY"),
    "a cut S/MIME signature": lambda: plain(
        bytes.fromhex("3080 0609 2a86 4886 f70d 0107 02a0 8030 8006 092a 8648 86f7 0d01 0701 a080 2480 04ff"),
        b"Content-Type: application/pkcs7-mime; smime-type=signed-data",
    ),
    # reports
    "100,000 recipients": lambda: multipart(
        TEXT,
        b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: x\r\n\r\n"
        + b"Final-Recipient: rfc822;a@b.c\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" * 100_000,
        kind=b"report", more=b"; report-type=delivery-status",
    ),
    "a report of noise": lambda: multipart(
        TEXT, b"Content-Type: message/delivery-status\r\n\r\n" + bytes(range(256)) * 300, kind=b"report"
    ),
    "a bounce of words": lambda: (
        b"From: MAILER-DAEMON@example.org\r\nSubject: failure notice\r\n\r\n" + b"<a@b.c>:\r\n550 " * 30_000
    ),
}  # fmt: skip
