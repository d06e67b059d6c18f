"""Reading a file through windows gives what reading it whole does, wherever the windows end and whatever is in it."""

import random
from itertools import islice

import pytest

from api.tables.encoding import Detector, Encoding, decode
from api.tables.records import Records, lines_of
from api.tables.table import fitted
from api.tables.windows import Layout, Place, Window, whole_lines

# What may be torn apart by the end of a window: quotes, line ends of every program, letters of several bytes.
PARTS = [
    "a@x.com,", '"', '""', ",", "\n", "\r\n", "note ", '"q, x"', "b@y.de", "é", "ഀ", "\u0a0a", " ", '"\n', "\r", 'x"y',
    "https://linkedin.com/in/z,",
]  # fmt: skip
NAMES = ["email", "name", "note"]
Read = list[tuple[int, tuple[str, ...], str | None]]


def whole(text: str) -> Read:
    records = Records(lines_of(text), ",")
    records.width = len(NAMES)
    return [(record.line, tuple(record.cells), record.fault) for record in fitted(records, len(NAMES))]


def through_windows(body: bytes, encoding: str, chance: random.Random) -> Read:
    layout, place, found = Layout("csv", encoding, 0, NAMES, ","), Place(0, 1), Read()
    size = wanted = chance.randint(8, 60)
    while True:
        window = Window(
            layout, body[place.offset : place.offset + size], place, is_last=place.offset + size >= len(body)
        )
        most = chance.choice([1, 2, 3, 10_000])
        taken = [(record.line, tuple(record.cells), record.fault) for record in islice(window, most)]
        found += taken
        is_stuck = window.place == place and not taken
        if is_stuck and place.offset + size >= len(body):
            return found
        size = size * 2 if is_stuck else wanted
        place = window.place


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "gb18030"])
def test_wherever_windows_end_the_records_are_the_same(encoding: str) -> None:
    chance = random.Random(encoding)
    for _ in range(400):
        text = "email,name,note\n" + "".join(chance.choices(PARTS, k=chance.randint(1, 200)))
        assert through_windows(text.encode(encoding), encoding, chance) == whole(text), text


CUTS = [
    (b"a\nb\nc", 1, 4), (b"a\r\nb", 1, 3), (b"a\rb\rc", 1, 4), (b"a\r", 1, 0), (b"abc", 1, 0), (b"", 1, 0),
    ("a\r\nb\r".encode("utf-16-le"), 2, 6), ("a\rb\r".encode("utf-16-le")[:-1], 2, 4),
    ("ഀ\u0a0a".encode("utf-16-le"), 2, 0),
]  # fmt: skip


@pytest.mark.parametrize("body, width, whole", CUTS)
def test_a_window_is_cut_between_two_lines(body: bytes, width: int, whole: int) -> None:
    assert whole_lines(body, Encoding("utf-8" if width == 1 else "utf-16-le")) == whole


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252", "windows-1251", "utf-16", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("charset", [None, "windows-1251"])
def test_an_encoding_is_found_piece_by_piece_as_at_once(encoding: str, charset: str | None) -> None:
    words = {"windows-1251": "Привет, Москва", "cp932": "東京都、こんにちは"}.get(encoding, "Zoë Müller, Genève")
    body = "".join(f"person{n}@mail.example,{words} {n}\n" for n in range(300)).encode(encoding)
    detector = Detector(charset)
    for start in range(0, len(body), 1001):
        detector.feed(body[start : start + 1001])
    found, at_once = detector.finish(), decode(body, charset)
    assert found.name == at_once.encoding
    assert found.decode(body[found.mark :]) == at_once.text
