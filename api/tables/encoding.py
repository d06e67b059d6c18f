"""Which encoding a text file has: what it says itself, what `charset` says, or what a detector makes of it.

Files are written by spreadsheets, so only what those write is taken into account, the usual before the rare. What the
detector finds likely is tried: letters of two scripts in one word, a sign between two letters or a capital inside a
word say that it is something else.
"""

import codecs
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import chardet

from api.errors import Unprocessable

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
# How much of the detector's confidence counts: what Windows writes in the West is by far the most usual.
CANDIDATES = {
    "windows-1252": 1.0, "windows-1250": 0.6, "windows-1251": 0.9, "windows-1253": 0.9, "windows-1254": 0.55,
    "windows-1255": 0.7, "windows-1256": 0.6, "windows-1257": 0.35, "macroman": 0.7, "cp850": 0.6, "cp932": 0.9,
    "gb18030": 0.9, "big5": 0.9, "cp949": 0.9, "koi8-r": 0.6, "ibm866": 0.6, "iso-8859-2": 0.58,
}  # fmt: skip
PYTHONS = {"macroman": "mac_roman", "ibm866": "cp866", "x-mac-roman": "mac_roman"}
# What may be named as `charset`: Python knows codecs that are no encodings of files, and slow ones.
NAMED = frozenset(
    codecs.lookup(PYTHONS.get(name, name)).name
    for name in (
        *CANDIDATES, "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "us-ascii", "cp437", "cp852",
        "cp874", "koi8-u", "shift_jis", "euc-jp", "euc-kr", "gbk", "gb2312", "windows-1258",
        *(f"iso8859-{part}" for part in range(1, 17) if part != 12),
    )
)  # fmt: skip
FEW = 3  # characters beyond ASCII, which tell too little to go by
SAMPLE = 16 * 1024
MOST_CELLS = 2000
CELL = re.compile(rb'[^;,\t\r\n"]++')
LETTER = r"[^\W\d_]"
# What is wrong in a word, and speaks against an encoding.
SIGN_INSIDE = re.compile(
    rf"(?<={LETTER})[^\w\s'’.\-&/\x00-\x7f](?={LETTER})|(?<={LETTER})[¦¬±¤¨¸º¹³²˜ˆ†‡‰•…‚„]|(?<!\w)[¦¬±¤©®¶»](?={LETTER})"
)
CAPITAL_INSIDE = re.compile(
    rf"(?<={LETTER})(?=[^\x00-\x7f])[^\W\d_a-zß-öø-ÿ](?=[a-z])|(?<=[a-zß-öø-ÿ])[À-ÖØ-ÞĽŤŹŻŚŞĄŽŠ](?!\w)"
)
# Letters in places where no language of an encoding has them, but those of another one are in the same bytes.
WESTERN = re.compile(rf"[ÝýÞþÐð]|õ(?!e)|(?<=[aeiouyáéíóúý])ø|[ìùò](?={LETTER})")
EASTERN = re.compile(r"Ý(?=[a-z])|ţ[üýk]|[ýt]ţ|(?<=[a-z])ý(?=[lmrz])(?!m\b)")
MISPLACED = {
    "windows-1252": WESTERN, "macroman": WESTERN, "cp850": WESTERN, "windows-1250": EASTERN, "iso-8859-2": EASTERN,
    "windows-1254": re.compile("õ(?!e)"), "windows-1257": re.compile("õ(?!e)"),
}  # fmt: skip
SCRIPTS_MIXED = re.compile(r"[A-Za-z][\u0370-\u06ff]|[\u0370-\u06ff][A-Za-z]|[a-z][\u2500-\u9fff\uac00-\ud7a3]")
CONTROLS = re.compile(r"[\x80-\x9f\ufffd]")
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
            return Text(body[len(mark) :].decode(name, FALLBACK if name == "utf-8" else "replace"), name)
    if charset:
        return _as_said(body, charset)
    name = _wide(body)
    if name is None:
        try:
            return Text(body.decode(), "utf-8")
        except UnicodeDecodeError as error:
            # A file that was cut off ends inside a character.
            is_cut = error.end == len(body) and error.reason == "unexpected end of data"
            name = "utf-8" if is_cut else detected(body)
    errors = FALLBACK if name == "utf-8" else "replace"
    return Text(body.decode(PYTHONS.get(name, name), errors), name)


def detected(body: bytes) -> str:
    """Return the encoding of what is not UTF-8 as a whole, judged by what it has besides ASCII."""
    # The cells with a letter that is no ASCII: thousands of others would drown them.
    telling = (match[0][:SAMPLE] for match in CELL.finditer(body) if not match[0].isascii())
    cells = list(itertools.islice(telling, MOST_CELLS))
    if sum(map(_is_utf8, cells)) * 3 >= len(cells):  # by chance hardly any cell would be
        return "utf-8"
    sample = b"\n".join(cells)[:SAMPLE]
    if sum(each > 0x7F for each in sample) < FEW and _wrongness(sample, "windows-1252") == 0:
        return "windows-1252"
    found = chardet.detect_all(sample, include_encodings=CANDIDATES, ignore_threshold=True)
    likely = {str(each["encoding"]).lower(): each["confidence"] for each in found if each["encoding"]}
    return _best(sample, [(name, likely[name] * CANDIDATES[name]) for name in likely if name in CANDIDATES])


def _best(sample: bytes, likely: Sequence[tuple[str, float]]) -> str:
    """Return the encoding that is likeliest, once what is wrong with the words it gives is weighed."""
    weighed = ((confidence / (1.0 + 20.0 * _wrongness(sample, name)), name) for name, confidence in likely)
    return max(weighed, default=(0.0, "windows-1252"))[1]


def _wrongness(sample: bytes, name: str) -> float:
    """Return how many of the characters beyond ASCII stand where none would, as a share."""
    text = sample.decode(PYTHONS.get(name, name), "replace")
    beyond = sum(sign > "\x7f" for sign in text)
    wrong = (SIGN_INSIDE, CAPITAL_INSIDE, SCRIPTS_MIXED, CONTROLS, MISPLACED.get(name))
    return sum(len(each.findall(text)) for each in wrong if each) / max(beyond, 1)


def _as_said(body: bytes, charset: str) -> Text:
    name = charset.strip().lower()
    try:
        known = codecs.lookup(PYTHONS.get(name, name)).name
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
    if max(low, high) * 4 < len(start) // 2 or not start:
        return None
    return "utf-16-le" if high > low else "utf-16-be"


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True


def _each_byte(error: UnicodeError) -> tuple[str, int]:
    """Read the bytes that are not UTF-8 as windows-1252, one by one."""
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101 - registered for decoding alone
    wrong = error.object[error.start : error.end]
    return wrong.decode("cp1252", "replace"), error.end


codecs.register_error(FALLBACK, _each_byte)
