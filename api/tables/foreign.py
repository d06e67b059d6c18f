"""What is no list at all, recognised by its first bytes, so that a refusal can say what it is and what would do."""

import re

from api.errors import Unprocessable

SIGNS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"), (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"),
    (b"{\\rtf", "an RTF document"), (b"\xd0\xcf\x11\xe0", "an old or a protected Excel workbook (.xls)"),
    (b"\x1f\x8b", "a gzip archive"), (b"7z\xbc\xaf", "a 7-Zip archive"), (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"), (b"\x7fELF", "a program"),
)  # fmt: skip
# These could begin a header, too: only in a file with zeros are they signs.
SIGNS_IN_BINARY: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "a picture"), (b"Rar!", "a RAR archive"), (b"BZh", "a bzip2 archive"), (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "an SQLite database"), (b"!BDN", "an Outlook data file (.pst)"), (b"MZ", "a program"),
    (b"OggS", "a sound"), (b"ID3", "a sound"), (b"RIFF", "a film or sound"),
)  # fmt: skip
# Two lines of a mail's head: one alone may stand above a list.
MAIL = re.compile(
    rb"(?i)(?:(?:from|to|subject|date|received|return-path|delivered-to|message-id|mime-version):[^\n]*+\n"
    rb"(?:[ \t][^\n]*+\n)*+){2}"
)
TEXTS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"(?i)begin:vcard"), "a vCard"), (re.compile(rb"(?i)begin:vcalendar"), "a calendar"),
    (re.compile(rb"(?i)<(?:!doctype html|html|head|body|table|meta)\b"), "a web page"),
    (re.compile(rb"<\?xml|<!"), "an XML document"),
    (MAIL, "a mail"),
    (re.compile(rb"From \S{1,100}@\S{1,100} "), "a mailbox"), (re.compile(rb"(?i)dn: ?[a-z]{1,20}="), "an LDIF file"),
    (re.compile(rb"[{\[]\s*[\"{\[\]}]"), "JSON"),
)  # fmt: skip


def refuse_foreign(body: bytes, *, is_book: bool) -> None:
    """Raise Unprocessable for what is no list of rows: pictures, archives, documents and the like. The beginning and
    the end of a file will do."""
    start = body[:512]
    if is_book:
        return
    signs = SIGNS + SIGNS_IN_BINARY if b"\0" in start else SIGNS
    kind = next((kind for sign, kind in signs if start.startswith(sign)), None)
    if kind is None and start.startswith(b"PK\x03\x04"):
        kind = _archive(body)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    kind = kind or next((kind for sign, kind in TEXTS if sign.match(text)), None)
    if kind is None and not start.startswith((b"\xff\xfe", b"\xfe\xff")) and b"\0\0\0" in start:
        kind = "a binary file"
    if kind == "JSON":
        raise Unprocessable("This is JSON; send it as application/json or application/x-ndjson.", code="not_a_list")
    if kind is not None:
        raise Unprocessable(f"This is {kind}; send a table as CSV or .xlsx.", code="not_a_list")


def _archive(body: bytes) -> str:
    if b"word/" in body[:4096]:
        return "a Word document"
    if b"xl/" in body[:4096] or b"xl/" in body[-65536:]:
        return "a damaged workbook, or one of another kind than .xlsx"
    if b"ppt/" in body[:4096]:
        return "a presentation"
    if b"opendocument.spreadsheet" in body[:512]:
        return "an OpenDocument table (.ods)"
    return "an archive (.zip)"
