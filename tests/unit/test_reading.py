"""Reading lead lists: whatever the bytes, each row is judged by itself and no good row is lost."""

import csv
import io
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.errors import BadRequest, TooLarge, Unprocessable
from api.leads.reading import MOST_ROWS, read_list
from tests.architecture.source import ROOT

CSV, NDJSON, JSON = "text/csv", "application/x-ndjson", "application/json"
HEADER = b"email,first_name,city\n"
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DIRTY = (ROOT / "tests" / "data" / "leads_5000.csv").read_bytes()


def read_rows(content_type: str, body: bytes) -> list[dict[str, Any]]:
    """Return a list's rows with what is kept of each, flat."""
    return [
        {**row.lead.model_dump(mode="json"), "index": row.index, "line": row.line, "reason": row.reason,
         "notes": [(note["field"], note["code"]) for note in row.notes]}
        for row in read_list(content_type, body).rows
    ]  # fmt: skip


def good(rows: list[dict[str, Any]]) -> list[str]:
    return [row["email"] for row in rows if row["reason"] is None]


def reasons(rows: list[dict[str, Any]]) -> list[str | None]:
    return [row["reason"] for row in rows]


def read_csv(text: str | bytes) -> list[dict[str, Any]]:
    return read_rows(CSV, text.encode() if isinstance(text, str) else text)


def test_a_row_carries_its_fields_and_everything_else_as_custom() -> None:
    (row,) = read_csv("E-Mail,First Name,Last name,Company,City\nA@B.example,  Ana ,,Acme,Lisbon\n")
    assert row == {
        "email": "A@B.example", "linkedin_url": None, "first_name": "Ana", "last_name": None, "company_name": "Acme",
        "custom": {"city": "Lisbon"}, "source": None, "source_at": None, "index": 0, "line": 2, "reason": None,
        "notes": [],
    }  # fmt: skip


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_usual_renditions_are_read(delimiter: str, end: str, mark: bytes) -> None:
    lines = [
        delimiter.join(cells) for cells in (["email", "first_name"], ["a@b.example", '"Ana"'], ["c@d.example", ""])
    ]
    rows = read_csv(mark + end.join(lines).encode())
    assert [(row["email"], row["first_name"]) for row in rows] == [("a@b.example", "Ana"), ("c@d.example", None)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_what_a_spreadsheet_saves_as_unicode_text_is_read(encoding: str) -> None:
    text = ("" if encoding == "utf-16" else "\ufeff") + "email\tfirst_name\na@b.example\tZoë\n"
    (row,) = read_csv(text.encode(encoding))
    assert (row["email"], row["first_name"]) == ("a@b.example", "Zoë")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"a@b.example,Ana,Lisbon,more,and more", "too_many_columns"),
        (b",Ana,Lisbon", "missing_email"),
        (b"Ana", "invalid_email"),
        (b"no-at-sign.example,Ana,Lisbon", "invalid_email"),
        (b"a b@c.example,Ana,Lisbon", "invalid_email"),
    ],
)
def test_a_broken_line_costs_itself_and_says_why(line: bytes, reason: str) -> None:
    rows = read_csv(HEADER + b"first@x.example,,\n" + line + b"\nlast@x.example,,\n")
    assert reasons(rows) == [None, reason, None]
    assert [(row["index"], row["line"]) for row in rows] == [(0, 2), (1, 3), (2, 4)]


@pytest.mark.parametrize(
    ("line", "notes", "first_name"),
    [
        (b'a@b.example,"Ana,Lisbon', [], '"Ana'),
        (b"a@b.example,An\xe9,Lisbon", [], "Ané"),
        (b"a@b.example,A\0na,Lisbon", [("first_name", "nul_character")], None),
        (b"a@b.example," + b"x" * 201 + b",Lisbon", [("first_name", "too_long")], None),
        (b"a@b.example,Ana,Lisbon,, ,", [], "Ana"),
    ],
)
def test_a_cell_that_a_row_can_do_without_costs_itself(
    line: bytes, notes: list[tuple[str, str]], first_name: str | None
) -> None:
    _, row, _ = read_csv(HEADER + b"first@x.example,,\n" + line + b"\nlast@x.example,,\n")
    assert (row["reason"], row["notes"], row["first_name"]) == (None, notes, first_name)
    assert (row["email"], row["custom"]) == ("a@b.example", {"city": "Lisbon"})


def test_a_record_may_span_lines() -> None:
    rows = read_csv(HEADER + b'a@b.example,"Ana\n""the"" first","Lis,bon"\nc@d.example,,\n')
    assert good(rows) == ["a@b.example", "c@d.example"]
    assert rows[0]["first_name"] == 'Ana\n"the" first'
    assert rows[0]["custom"] == {"city": "Lis,bon"}


def test_a_short_row_has_nothing_in_the_columns_it_lacks() -> None:
    (row,) = read_csv(HEADER + b"a@b.example\n")
    assert (row["first_name"], row["custom"], row["reason"]) == (None, {}, None)


@pytest.mark.parametrize("body", [b"", b"\n \n", b"\xef\xbb\xbf", b"name,city\na,b\n", b"\xff\xfe", b"\xff\n"])
def test_a_file_without_an_address_column_is_refused_whole(body: bytes) -> None:
    with pytest.raises(Unprocessable):
        read_csv(body)


@pytest.mark.parametrize("content_type", [CSV, NDJSON, JSON])
def test_ten_thousand_rows_are_the_most(content_type: str) -> None:
    def body(count: int) -> bytes:
        if content_type == CSV:
            return b"email\n" + b"a@b.example\n" * count
        if content_type == NDJSON:
            return b'{"email": "a@b.example"}\n' * count
        return json.dumps({"leads": [{"email": "a@b.example"}] * count}).encode()

    assert len(read_rows(content_type, body(MOST_ROWS))) == MOST_ROWS
    with pytest.raises(TooLarge):
        read_rows(content_type, body(MOST_ROWS + 1))


@pytest.mark.parametrize(
    ("row", "reason", "notes"),
    [
        ({}, "missing_email", []),
        ({"email": ""}, "missing_email", []),
        ({"email": 5}, "invalid_email", [("email", "invalid_email")]),
        ({"email": "a@b.example", "org_id": "x"}, None, [("org_id", "unknown_field")]),
        ({"email": "a@b.example", "custom": {"1a": "x"}}, None, [("custom.1a", "invalid_custom")]),
        ({"email": "a@b.example", "custom": {"a": {}}}, None, [("custom.a", "invalid_custom")]),
        ({"email": "a@b.example", "custom": [1]}, None, [("custom", "invalid_custom")]),
        ({"email": "a@b.example", "first_name": "x" * 201}, None, [("first_name", "too_long")]),
        ({"email": "a@b.example", "last_name": "\0"}, None, [("last_name", "nul_character")]),
        ({"email": "a@b.example", "linkedin_url": "https://x.example"}, None,
         [("linkedin_url", "invalid_linkedin_url")]),
        ({"email": "n/a", "linkedin_url": "https://www.linkedin.com/in/lea"}, None, [("email", "invalid_email")]),
        ({"email": "a@b.example", "source_at": "yesterday"}, None, [("source_at", "invalid_source_at")]),
        ({"email": "a@b.example\0"}, "nul_character", [("email", "nul_character")]),
        ({"email": "x" * 320 + "@b.example"}, "invalid_email", [("email", "invalid_email")]),
        ([], "invalid_row", []),
        ("a@b.example", "invalid_row", []),
        (None, "invalid_row", []),
    ],
)  # fmt: skip
def test_a_row_of_json_is_judged_by_itself(row: Any, reason: str | None, notes: list[tuple[str, str]]) -> None:
    listed = [{"email": "first@x.example"}, row, {"email": "last@x.example"}]
    for rows in (
        read_rows(JSON, json.dumps({"leads": listed}).encode()),
        read_rows(NDJSON, "\n".join(map(json.dumps, listed)).encode()),
    ):
        assert reasons(rows) == [None, reason, None]
        assert rows[1]["notes"] == notes


@pytest.mark.parametrize("line", [b"{", b"\xff", b"{'email': 'a@b.example'}", b"nul", b"[" * 100_000])
def test_a_line_that_is_not_json_costs_itself(line: bytes) -> None:
    body = b'{"email": "first@x.example"}\r\n' + line + b'\r\n\r\n{"email": "last@x.example"}'
    assert reasons(read_rows(NDJSON, body)) == [None, "not_json", None]


def test_a_line_separator_inside_a_json_text_does_not_break_the_row() -> None:
    """JSON allows U+0085, U+2028 and the like unescaped inside a text; only a line feed ends a row."""
    rows = [{"email": "a@b.example", "first_name": f"A{mark}na"} for mark in "\u0085\u2028\u2029\x0b\x0c\x1c\x1e"]
    body = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows[:3]).encode()
    assert len(good(read_rows(NDJSON, body))) == 3


@pytest.mark.parametrize("body", [b"", b"[", b"\xff", b"[" * 100_000, b'{"leads": [1,]}'])
def test_a_body_that_is_not_json_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_rows(JSON, body)


@pytest.mark.parametrize("document", [[], {}, {"leads": {}}, {"leads": None}, {"leads": [], "org_id": "x"}, 5, None])
def test_a_body_of_another_form_is_unprocessable(document: Any) -> None:
    with pytest.raises(Unprocessable):
        read_rows(JSON, json.dumps(document).encode())


def assert_rows(rows: list[dict[str, Any]]) -> None:
    """What a reader returns can always be stored and sent."""
    assert [row["index"] for row in rows] == list(range(len(rows)))
    text = json.dumps(rows, ensure_ascii=False)
    text.encode()  # no lone surrogate
    assert "\\u0000" not in text
    for row in rows:
        assert row["reason"] is None or row["reason"].replace("_", "").isalnum()


def read_or_refuse(content_type: str, body: bytes) -> None:
    try:
        rows = read_rows(content_type, body)
    except (BadRequest, Unprocessable, TooLarge):
        return
    assert_rows(rows)


@FUZZ
@given(st.sampled_from([CSV, NDJSON, JSON]), st.binary(max_size=400))
def test_no_bytes_raise_anything_but_the_documented_problems(content_type: str, body: bytes) -> None:
    read_or_refuse(content_type, body)
    read_or_refuse(content_type, HEADER + body)
    read_or_refuse(content_type, b'{"leads": [' + body + b"]}")


cells = st.text(alphabet=st.sampled_from('ab@.,;"\t\r\n\\\ufeff\0é\ud800 12'), max_size=12)


@FUZZ
@given(st.lists(st.lists(cells, max_size=5), max_size=6))
def test_no_text_of_awkward_characters_raises_anything_else(table: list[list[str]]) -> None:
    text = "\n".join(",".join(row) for row in table).encode("utf-8", "surrogatepass")
    read_or_refuse(CSV, text)
    read_or_refuse(CSV, b"email,email,first_name,1,,\n" + text)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["email", "first_name", "last_name", "company_name", "custom", "index", "reason"])


@FUZZ
@given(st.lists(values | st.dictionaries(names, values, max_size=4), max_size=5))
def test_no_json_rows_raise_anything_else(rows: list[Any]) -> None:
    read_or_refuse(JSON, json.dumps({"leads": rows}).encode())
    read_or_refuse(NDJSON, "\n".join(map(json.dumps, rows)).encode())


@FUZZ
@given(st.lists(st.lists(st.text(max_size=10), min_size=2, max_size=2), min_size=1, max_size=8))
def test_whatever_a_csv_writer_wrote_is_read_back(table: list[list[str]]) -> None:
    clean = [[cell.replace("\0", "").encode("utf-8", "replace").decode() for cell in row] for row in table]
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["email", "first_name", "city"])
    writer.writerows([f"lead{number}@x.example", *row] for number, row in enumerate(clean))
    rows = read_csv(file.getvalue())
    assert good(rows) == [f"lead{number}@x.example" for number in range(len(clean))]


def clean_lines() -> list[bytes]:
    """Return the header and those lines of the dirty file that are good by themselves."""
    header, *lines = DIRTY.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)
    plain = [line for line in lines if b'"' not in line and line.count(b",") == header.count(b",")]
    return [header, *(line for line in plain if reasons(read_csv(header + line)) == [None])]


CLEAN = clean_lines()
BROKEN = [
    b'"\n', b'x"y,z\n', b'"never closed, one, two\n', b"a@b.example,\xff\xfe\n", b"a," * 60 + b"\n", b"\0\n", b"no\n",
    b'"a""b\n', b"',;\t\n", b'",",","\n',
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.sampled_from(BROKEN), st.integers(0, 2**32))
def test_one_broken_line_anywhere_costs_no_good_row(at: int, broken: bytes, chosen: int) -> None:
    start = 1 + chosen % (len(CLEAN) - 61)
    lines = CLEAN[start : start + 60]
    before = good(read_csv(CLEAN[0] + b"".join(lines)))
    after = good(read_csv(CLEAN[0] + b"".join([*lines[:at], broken, *lines[at:]])))
    assert len(before) == 60
    assert [email for email in after if email != "a@b.example"] == before


def test_the_dirty_file_gives_what_its_maker_says() -> None:
    expected = json.loads((ROOT / "tests" / "data" / "leads_5000.expected.json").read_text())
    rows = read_csv(DIRTY)
    assert_rows(rows)
    addresses = [address.lower() for address in good(rows)]
    assert len(rows) == expected["rows"]
    assert len(set(addresses)) == expected["good"]
    assert len(addresses) - len(set(addresses)) == expected["duplicates"]
    assert len(rows) - len(addresses) == expected["invalid"]
    assert set(expected["sample_good"]) <= set(addresses)
    counts = Counter(reasons(rows))
    assert counts["too_many_columns"] == expected["invalid_kinds"]["too_many_columns"]
    noted = Counter(code for row in rows if row["reason"] is None for _, code in row["notes"])
    assert noted == {"nul_character": 4, "taken_out_of_its_cell": 4}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_lines_in_quotes_as_a_whole_are_read_like_any(separator: str) -> None:
    names = separator.join(("email", "first_name", "note"))
    rows = [f'{address}{separator}Zoë{separator}""a{separator} b""' for address in ("a@b.example", "c@d.example")]
    body = "".join(f'"{line}"\r\n' for line in (names, *rows)).encode()
    read = list(read_list(CSV, body).rows)
    assert [(row.line, row.lead.email, row.lead.first_name) for row in read] == [
        (2, "a@b.example", "Zoë"), (3, "c@d.example", "Zoë"),
    ]  # fmt: skip
    assert {row.lead.custom["note"] for row in read} == {f"a{separator} b"}
