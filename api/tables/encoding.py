"""Which encoding a text file has: what it says itself, what `charset` says, or what a detector makes of it.

Files are written by spreadsheets, so only what those write is taken into account, the usual before the rare. What the
detector finds likely is tried: letters of two scripts in one word, a sign between two letters or a capital inside a
word say that it is something else.
"""

import codecs
import itertools
import re
from collections.abc import Sequence
from contextlib import suppress
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
WITHOUT_MARK = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}
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
class Encoding:
    """A file's encoding, as IANA spells it, and how many bytes at its beginning say so."""

    name: str
    mark: int = 0

    @property
    def width(self) -> int:
        """How many bytes a unit of the encoding has: where lines may be cut."""
        return 2 if self.name.startswith("utf-16") else 4 if self.name.startswith("utf-32") else 1

    def decode(self, part: bytes) -> str:
        """Return the text of a part that begins and ends between two lines, without the mark. What is UTF-8 but
        for some lines is UTF-8, and those are read as windows-1252."""
        return part.decode(PYTHONS.get(self.name, self.name), FALLBACK if self.name == "utf-8" else "replace")


@dataclass(frozen=True)
class Text:
    """A file's text and the name of its encoding."""

    text: str
    encoding: str


def decode(body: bytes, charset: str | None = None) -> Text:
    """Return the text of a file. Raises Unprocessable where `charset` is unknown or is not the file's."""
    if charset is None and _marked(body) is None and _wide(body) is None:
        with suppress(UnicodeDecodeError):  # what nearly every file is needs no detector
            return Text(body.decode(), "utf-8")
    detector = Detector(charset)
    detector.feed(body)
    encoding = detector.finish()
    return Text(encoding.decode(body[encoding.mark :]), encoding.name)


class Detector:
    """Finds a file's encoding while the file comes, piece by piece; the first piece holds its mark, if it has one."""

    def __init__(self, charset: str | None = None) -> None:
        """Raises Unprocessable where `charset` is unknown."""
        self._said = _known(charset) if charset else None
        self._charset = (charset or "").strip()
        self._found: Encoding | None = None
        self._decoder = codecs.getincrementaldecoder(WITHOUT_MARK.get(self._said or "utf-8", self._said or "utf-8"))()
        self._is_first = self._is_readable = True
        self._lines = 1  # the one that has just begun
        self._torn = b""
        self._cells: list[bytes] = []  # that are no ASCII: thousands of others would drown them

    def feed(self, piece: bytes) -> None:
        """Take the next piece. Raises Unprocessable where the file is not what `charset` says."""
        if self._is_first:
            self._is_first = False
            self._found = _marked(piece) or (None if self._said else _wide(piece))
        if self._found is not None:
            return
        if self._said is None:
            self._collect(piece)
        self._read(piece)

    def _collect(self, piece: bytes) -> None:
        """Keep cells with more than ASCII. The last line of a piece may be torn in the middle of a character."""
        piece = self._torn + piece
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1 or len(piece)
        self._torn = piece[end:][-SAMPLE:]
        self._tell(piece[:end])

    def _tell(self, lines: bytes) -> None:
        if not lines.isascii():
            telling = (match[0][:SAMPLE] for match in CELL.finditer(lines) if not match[0].isascii())
            self._cells.extend(itertools.islice(telling, MOST_CELLS - len(self._cells)))

    def finish(self) -> Encoding:
        """Return the encoding of the whole file."""
        self._tell(self._torn)
        if self._found is not None:
            return self._found
        if self._said is not None:
            self._read(b"", is_last=True)
            return Encoding(WITHOUT_MARK.get(self._said, self._said))
        # A file that was cut off ends inside a character, and is UTF-8 all the same.
        return Encoding("utf-8" if self._is_readable else detected(self._cells))

    def _read(self, piece: bytes, *, is_last: bool = False) -> None:
        if not self._is_readable:
            return
        try:
            self._decoder.decode(piece, is_last)
        except UnicodeDecodeError as error:
            if self._said is not None:
                line = self._lines + error.object.count(b"\n", 0, error.start)
                raise Unprocessable(
                    f"The file is not {self._charset}: line {line} cannot be read so. Without `charset` it is looked "
                    "for.",
                    code="charset_mismatch",
                ) from None
            self._is_readable = False
        self._lines += piece.count(b"\n")


def check_charset(charset: str) -> None:
    """Raise Unprocessable for an encoding that is not known here."""
    _known(charset)


def _marked(start: bytes) -> Encoding | None:
    for mark, name in BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return Encoding(name, len(mark))
    return None


def detected(cells: Sequence[bytes]) -> str:
    """Return the encoding of a file that is not UTF-8 as a whole, judged by its cells that have more than ASCII."""
    if cells and sum(map(_is_utf8, cells)) * 3 >= len(cells):  # by chance hardly any cell would be
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


def _known(charset: str) -> str:
    """Return Python's name of an encoding that a caller named. Raises Unprocessable for one that is not known here."""
    name = charset.strip().lower()
    try:
        known = codecs.lookup(PYTHONS.get(name, name)).name
    except (LookupError, ValueError):
        known = ""
    if known not in NAMED:
        raise Unprocessable(
            "`charset` names no encoding that is known here, like windows-1252.", code="charset_unknown"
        )
    return known


def _wide(body: bytes) -> Encoding | None:
    """Return UTF-16's kind where every other byte of a text is mostly zero."""
    start = body[:4096]
    low, high = start[0::2].count(0), start[1::2].count(0)
    if max(low, high) * 4 < len(start) // 2 or not start:
        return None
    return Encoding("utf-16-le" if high > low else "utf-16-be")


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
