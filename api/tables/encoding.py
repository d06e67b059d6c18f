"""Which encoding a text file has: what it says itself, what `charset` says, or what a detector makes of it.

Files are written by spreadsheets, so only what those write is taken into account. Text of Western Europe wins where the
detector finds it nearly as likely as another: a few names are too little to tell `é` in one code page from another.
"""

import codecs
import itertools
import re
from dataclasses import dataclass

import chardet

from api.errors import Unprocessable

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
CANDIDATES = (
    "windows-1252", "windows-1250", "windows-1251", "windows-1253", "windows-1254", "windows-1255", "windows-1256",
    "windows-1257", "macroman", "cp850", "cp932", "gb18030", "big5", "cp949",
)  # fmt: skip
# What may be named as `charset` besides: Python knows codecs that are no encodings of files, and slow ones.
NAMED = frozenset(
    codecs.lookup(name).name
    for name in (
        *CANDIDATES, "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "us-ascii", "cp437", "cp852",
        "cp866", "cp874", "koi8-r", "koi8-u", "shift_jis", "euc-jp", "euc-kr", "gbk", "gb2312", "windows-1258",
        *(f"iso8859-{part}" for part in range(1, 17) if part != 12),
    )
)  # fmt: skip
WESTERN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñóòôõöøœùúûüýÿŒ“”‘’‚„–—…€£§°«»¿¡®™©ªº•·\xa0")
NEARLY = 0.6  # of the likeliest
SAMPLE = 64 * 1024
CELL = re.compile(rb'[^;,\t\r\n"]++')
MOST_CELLS = 2000
FALLBACK = "outbound-each-byte"


@dataclass(frozen=True)
class Text:
    """A file's text and the name of its encoding, as IANA spells it."""

    text: str
    encoding: str


def decode(body: bytes, charset: str | None = None) -> Text:
    """Return the text of a file. What is UTF-8 but for some lines is UTF-8, and those are read as windows-1252.

    Raises Unprocessable where `charset` is unknown or is not the file's.
    """
    for mark, name in BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return Text(body[len(mark) :].decode(name, "replace"), name)
    if charset:
        return _as_said(body, charset)
    try:
        return Text(body.decode(), "utf-8")
    except UnicodeDecodeError:
        name = detected(body)
    if name == "utf-8":
        return Text(body.decode("utf-8", FALLBACK), name)
    return Text(body.decode(name, "replace"), name)


def detected(body: bytes) -> str:
    """Return the encoding of what is not UTF-8 as a whole, judged by what it holds besides ASCII."""
    if wide := _wide(body):
        return wide
    # The cells with a letter that is no ASCII: thousands of others would drown them.
    telling = (match[0][:SAMPLE] for match in CELL.finditer(body) if not match[0].isascii())
    cells = list(itertools.islice(telling, MOST_CELLS))
    if sum(map(_is_utf8, cells)) * 2 > len(cells):
        return "utf-8"
    sample = b"\n".join(cells)[:SAMPLE]
    found = chardet.detect_all(sample, include_encodings=CANDIDATES, ignore_threshold=True)
    likely = {str(each["encoding"]).lower(): each["confidence"] for each in found if each["encoding"]}
    if not likely:
        return "windows-1252"
    best = max(likely, key=lambda name: likely[name])
    if likely.get("windows-1252", 0.0) >= NEARLY * likely[best] and _is_western(sample):
        return "windows-1252"
    return best


def _as_said(body: bytes, charset: str) -> Text:
    try:
        known = codecs.lookup(charset.strip()).name
    except (LookupError, ValueError):
        known = ""
    if known not in NAMED:
        raise Unprocessable(
            "`charset` names no encoding that is known here, like windows-1252.", code="charset_unknown"
        )
    try:
        return Text(body.decode(known), known)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise Unprocessable(
            f"The file is not {charset.strip()}: line {line} cannot be read so. Without `charset` it is looked for.",
            code="charset_mismatch",
        ) from None


def _wide(body: bytes) -> str | None:
    """Return UTF-16's kind where every other byte of a text is mostly zero."""
    start = body[:4096]
    low, high = start[0::2].count(0), start[1::2].count(0)
    if max(low, high) * 4 < len(start) // 2:
        return None
    return "utf-16-le" if high > low else "utf-16-be"


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_western(sample: bytes) -> bool:
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return all(sign in WESTERN for sign in text if sign > "\x7f")


def _each_byte(error: UnicodeError) -> tuple[str, int]:
    """Read the bytes that are not UTF-8 as windows-1252, one by one."""
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101 - registered for decoding alone
    wrong = error.object[error.start : error.end]
    return wrong.decode("cp1252", "replace"), error.end


codecs.register_error(FALLBACK, _each_byte)
