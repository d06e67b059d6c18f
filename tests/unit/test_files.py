"""Files as people have them: dialects, notes, encodings and columns, each after a file that was once read wrongly."""

import codecs
import csv
import io
import json
import random
import time
import zipfile
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.errors import Problem
from api.leads.reading import LeadList, LeadRow, read_list
from api.tables.table import WORKBOOK
from api.tables.workbook import Workbook

A, B, C = "a@x.example", "b@x.example", "c@x.example"
EVIL = "evil@z.example"


def listed(content: str | bytes, **options: Any) -> tuple[LeadList, list[LeadRow]]:
    body = content.encode() if isinstance(content, str) else content
    found = read_list(WORKBOOK if body.startswith(b"PK") else "text/csv", body, **options)
    return found, list(found.rows)


def people(content: str | bytes, **options: Any) -> list[str | None]:
    """Return the people that a file names, and None for each row that names no person."""
    _, rows = listed(content, **options)
    return [None if row.reason else row.lead.email or row.lead.linkedin_url for row in rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # What surrounds the list.
        (f"sep=;\r\nEmail;Name\r\n{A};Lea\r\n", [A]),
        (f'"sep=|"\nEmail|Name\n{A}|Lea\n', [A]),
        (f'Notes:\n"When exporting, you may notice, that"\n\nFirst Name,Last Name,URL,Email Address\nL,T,,{A}\n', [A]),
        (f"LinkedIn\n\nName;E-Mail\nA B;{A}\n", [A]),
        (f"Profil\nEmail\n{A}\n", [A]),
        (f"Date: 2024-05-01\n\nEmail,Name\n{A},Jo\n", [A]),
        (f'"E-Mail\nAddress","First\nName"\n{A},Lea\n', [A]),
        (f"Email,Name\n{A},Lea,,,\n,,\n\n ,\n{B},Leo\n", [A, B]),
        # Quotes.
        (f'Email,Name\n{A},24" screen\n{B},x\n', [A, B]),
        (f'Email, "Name"\n "{A}" , "Le, a" \n{B},x\n', [A, B]),
        (f'Email,Name\n{A},"Ann\n{B},Ben\n{C},"Cy"\n', [A, B, C]),
        (f'Email,Name\n"{A}","She said ""yes"", twice"\n', [A]),
        (f'Email,Name\n{A},"He said "yes"\n{EVIL}\nand so on"\n{B},x\n', [A, B]),
        (f'Email,Name,Note\n{A},Lea,"Call "busy" today\n{EVIL}\nbye"\n{B},x,y\n', [A, B]),
        # Notes: the owner is in, and what stands in the note is no row.
        (f'Email,Note\n{A},"Met at fair, wants offer\nassistant: {EVIL}, call her"\n{B},x\n', [A, B]),
        (f'Email,Note,City\n{A},"Met at fair, wants offer\ncc {EVIL}, {EVIL}, call",Rome\n', [A]),
        (f'Email,Note\n{A},"' + "\n".join([f"line {n}" for n in range(150)] + [EVIL]) + f'"\n{B},x\n', [A, B]),
        (f'Email,Note\n{A},"' + "\n" * 300 + f'{EVIL}"\n{B},x\n', [A, B]),
        (f'Email,Note\n{A},"She is "busy", call\n{EVIL},x\nbye"\n{B},y\n', [None, None, None, B]),
        (f'Email,Note\n{A},"cut off\n{EVIL}\n', [A, None]),
    ],
)
def test_the_people_of_a_file_are_read_and_no_others(text: str, expected: list[str | None]) -> None:
    assert people(text) == expected
    assert people(text.replace("\r\n", "\n").replace("\n", "\r\n")) == expected


def test_a_stray_quote_far_below_costs_no_list() -> None:
    text = f'"Report\nEmail,Name\n{A},Jo\n' + f"{B},Bo\n" * 9_000 + f'{C},5"\nd@x.example,x\n'
    assert len(people(text)) > 9_000


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("Email,Person Linkedin Url,Company Linkedin Url", f"{A},linkedin.com/in/l,linkedin.com/company/x", (A, "l")),
        ("First Name,URL,Email Address", f"L,linkedin.com/in/lea,{A}", (A, "lea")),
        ("Name,LinkedIn,Website", "A,,https://www.linkedin.com/in/ab", (None, "ab")),
        ("Email,Referred by LinkedIn", f"{A},linkedin.com/in/other", (A, None)),
        ("Email,Mutual Connection LinkedIn", f"{A},linkedin.com/in/other", (A, None)),
        ("LinkedIn URL,LinkedIn URL Public", "linkedin.com/sales/lead/ACwAAA1,linkedin.com/in/lea", (None, "lea")),
        ("Person - Name,Person - Email - Work,Person - Email - Home", f"A,{A},{B}", (A, None)),
        ("Person - First name,Person - Email - Work,Person - Email - Other", f"A,,{B}", (B, None)),
        ("Email,E-Mail-Adresse (geschäftlich)", f"ja,{A}", (A, None)),
        ("E-Mail-Adresse,E-Mail 2: Adresse", f",{A}", (A, None)),
        ("Adresse de messagerie,Adresse de messagerie 2", f",{A}", (A, None)),
        ("Email,Supplemental Email", f",{A}", (A, None)),
        ("Primary Email,Secondary Email", f"{A},{B}", (A, None)),
        ("Prénom,Nom,Adresse e-mail", f"L,T,{A}", (A, None)),
        ("Nombre,Apellidos,Correo electrónico", f"L,T,{A}", (A, None)),
        ("Nome,Cognome,Indirizzo e-mail", f"L,T,{A}", (A, None)),
        ("Vorname,Nachname,E-Mail-Adresse,Firma", f"L,T,{A},X", (A, None)),
        ("firstName,lastName,linkedInProfileUrl", "L,T,linkedin.com/in/lea", (None, "lea")),
        ("E-mail 1 - Type,E-mail 1 - Value", f"Work,{A} ::: {B}", (A, None)),
        ("Email", f'"Lea Test <{A}>"', (A, None)),
        ("Email", f"mailto:{A}", (A, None)),
        ("Email", f'"{A}; {B}"', (A, None)),
        ("Email,LinkedIn", '"jo@mail.example,com",linkedin.com/in/lea', (None, "lea")),
        ("Email,LinkedIn", "jo x@mail.example,linkedin.com/in/lea", (None, "lea")),
    ],
)  # fmt: skip
def test_columns_are_found_by_their_names_and_their_cells(
    header: str, cells: str, expected: tuple[str | None, str | None]
) -> None:
    _, (row,) = listed(f"{header}\n{cells}\n")
    url = row.lead.linkedin_url
    assert (row.lead.email, url and url.rpartition("/")[2]) == expected, row


@pytest.mark.parametrize(
    "name", ["Propriétaire du contact", "Für Kontakt zuständiger Mitarbeiter", "SDR Email", "Contact Owner Email"]
)
def test_a_colleagues_address_is_no_persons(name: str) -> None:
    rows = "".join(f"linkedin.com/in/p{number},L,us@our.example\n" for number in range(6))
    _, found = listed(f"LinkedIn,First Name,{name}\n{rows}")
    assert [row.lead.email for row in found] == [None] * 6


def test_the_address_of_a_company_is_no_persons() -> None:
    assert people(f"Email,Name,Company Email\n{A},L,info@x.example\n,M,info@x.example\n") == [A, None]


def test_two_columns_of_one_name_are_both_kept_with_a_map_too() -> None:
    found, (row,) = listed("Email,Email,City,City\na@x.example,b@x.example,Rome,Bern\n", said='{"Email": "email"}')
    assert (row.lead.email, row.lead.custom) == (A, {"email": B, "city": "Rome", "city_2": "Bern"})
    assert [column.field for column in found.columns or ()] == ["email", "custom.email", "custom.city", "custom.city_2"]


ENCODED = {
    "windows-1252": [
        "Jörg Müller;Bäcker & Söhne;Zürich", "Nicolò;Città srl;Forlì", "François;L’Oréal;Besançon",
        "José Peña;Diseño;Málaga", "João;Construções;São Paulo", "Åsa;Småland;Växjö", "Zoë;Daniël;É",
    ],
    "macroman": ["Muñoz;García;Pérez", "Jürgen;Größe;Köln", "Hélène;Café;Orléans"],
    "windows-1250": ["Łukasz Żółć;Źródło;Gdańsk", "Jiří Dvořák;Brněnská;Příbram", "Gergő;Erdő;Győr"],
    "windows-1251": ["Иван Петров;ООО Ромашка;Москва"],
    "koi8-r": ["Дмитрий Щербаков;Завод;Казань"],
    "windows-1253": ["Γιώργος;Ελλάδα;Αθήνα"],
    "windows-1254": ["Şükrü Yılmaz;Çağdaş;İstanbul"],
    "cp932": ["山田太郎;株式会社さくら;東京都"],
    "gb18030": ["张伟;北京科技有限公司;上海"],
    "cp949": ["김철수;삼성전자;서울"],
    "utf-16-le": ["Lea;Plain;Bern", "Jörg;Bäcker;Zürich"],
    "utf-16-be": ["Lea;Plain;Bern"],
}  # fmt: skip


@pytest.mark.parametrize(("encoding", "cells"), [(name, cells) for name, rows in ENCODED.items() for cells in rows])
def test_an_encoding_is_found_by_few_words(encoding: str, cells: str) -> None:
    rest = "".join(f"p{number}@x.example;Lea;Plain AG;Bern\r\n" for number in range(30))
    text = f"Email;First Name;Company;City\r\n{A};{cells}\r\n{rest}"
    _, rows = listed(text.encode(codecs.lookup({"macroman": "mac_roman"}.get(encoding, encoding)).name))
    first = rows[0].lead
    assert [first.first_name, first.company_name, first.custom["city"]] == cells.split(";")


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_line_of_another_encoding_is_mended_and_costs_the_others_nothing(mark: bytes) -> None:
    body = mark + f"Email,Name\r\n{A},Jö\r\n".encode() + f"{B},Jörg\r\n".encode("windows-1252")
    assert [row.lead.custom["name"] for row in listed(body)[1]] == ["Jö", "Jörg"]
    cut = mark + f"Email,Name\r\n{A},Jö\r\n{B},Zoë".encode()[:-1]
    assert [row.lead.custom["name"][:2] for row in listed(cut)[1]] == ["Jö", "Zo"]  # type: ignore[index]


@pytest.mark.parametrize("encoding", ["mac_roman", "cp932", "gb18030", "windows-1251"])
def test_lines_that_end_as_on_an_old_mac_are_of_any_encoding(encoding: str) -> None:
    name = {"mac_roman": "René Müller", "windows-1251": "Иван Петров", "gb18030": "李小龙，北京大学的学生"}.get(
        encoding, "山田太郎"
    )
    rows = [f"p{n}@x.example;{name if n < 20 else 'Otto'}" for n in range(2000)]
    _, read = listed("\r".join(["email;name", *rows]).encode(encoding))
    assert [row.lead.custom["name"] for row in read[:20]] == [name] * 20


@pytest.mark.parametrize("charset", ["utf-16", "utf-8-sig"])
def test_an_encoding_may_be_named_without_a_mark_in_the_file(charset: str) -> None:
    codec = {"utf-16": "utf-16-le"}.get(charset, "utf-8")
    assert people(f"email,name\n{A},Zoë\n".encode(codec), charset=charset) == [A]


@pytest.mark.parametrize("below", [1, 5, 3000])
def test_a_quote_in_the_header_swallows_no_person(below: int) -> None:
    rows = "".join(f"p{n}@x.example,some text that fills a line here\n" for n in range(below))
    last = 'z@x.example,Monitor 27"\nlast@x.example,q\n'
    assert len(people(f'Email,"Job" title\n{rows}{last}')) == below + 2
    assert [each for each in people(f'email,"note\n{rows}{last}') if each][-1] == "last@x.example"
    assert len(people(f'email,"note\n{rows}{last}')) == below + 2


def test_a_map_that_names_a_column_twice_is_refused() -> None:
    for said in ('{"a": "email", "a ": "first_name"}', '{"a": "email", "a": "first_name"}'):
        with pytest.raises(Problem) as refused:
            listed(f"a,b\n{A},x\n", said=said)
        assert refused.value.code == "map_invalid"


def workbook(sheet: bytes, before: bytes = b"") -> bytes:
    """Return a workbook whose only sheet has these rows below its header."""
    first, out = io.BytesIO(), io.BytesIO()
    openpyxl.Workbook().save(first)
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    header = b'<row r="1"><c r="A1" t="inlineStr"><is><t>Email</t></is></c></row>'
    with zipfile.ZipFile(first) as given, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in given.namelist():
            page = b'%s<worksheet xmlns="%s"><sheetData>%s%s</sheetData></worksheet>' % (before, space, header, sheet)
            made.writestr(name, page if name.endswith("sheet1.xml") else given.read(name))
    return out.getvalue()


@pytest.mark.parametrize(
    "sheet",
    [
        b'<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>a@x.example</t></is></c></row>',
        b'<row r="99999999999"><c r="A99999999999" t="inlineStr"><is><t>a@x.example</t></is></c></row>',
        b"<row/>" * 150_000,
        b"<row>" + b"<c/>" * 250_000 + b"</row>",
        b'<row><c r="XFD1"><v>1</v></c></row>' * 30_000,
    ],
)
def test_a_workbook_takes_as_long_as_it_is(sheet: bytes) -> None:
    body = workbook(sheet)
    began = time.process_time()
    try:
        read = people(body)
        assert len(read) <= 1
    except Problem as refused:
        assert refused.code == "too_many_columns"
    assert time.process_time() - began < 5 * len(sheet) / 2**20 + 2


def test_a_workbook_that_defines_entities_or_unpacks_to_too_much_is_refused() -> None:
    row = b'<row r="2"><c r="A2" t="inlineStr"><is><t>&a;</t></is></c></row>'
    for before in (b"", b" " * 5_000):
        dtd = b'<?xml version="1.0"?>' + before + b'<!DOCTYPE x [<!ENTITY a "evil@z.example">]>'
        with pytest.raises(Problem) as refused:
            people(workbook(row, dtd))
        assert refused.value.code == "workbook_unreadable"
    with pytest.raises(Problem) as refused:
        people(workbook(b" " * 30 * 2**20))
    assert refused.value.status == 413


def reworked(body: bytes, parts: dict[str, bytes], types: tuple[bytes, bytes] = (b"", b"")) -> io.BytesIO:
    """Return a workbook with more parts, and with another declaration of types."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as given, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in given.namelist():
            text = given.read(name)
            made.writestr(name, text.replace(*types) if name == "[Content_Types].xml" else text)
        for name, text in parts.items():
            made.writestr(name, text)
    return out


def test_a_row_of_a_sheet_is_bounded_before_it_is_in_memory() -> None:
    for sheet in (b"<row>" + b"<c/>" * 600_000 + b"</row>", b"<x:row>" + b"<c/>" * 600_000, b"<y/>" * 600_000):
        with pytest.raises(Problem) as refused:
            people(workbook(sheet))
        assert refused.value.code == "workbook_unreadable"


def test_a_damaged_or_protected_workbook_is_refused_and_nothing_else() -> None:
    body = workbook(b'<row r="2"><c t="inlineStr"><is><t>a@x.example</t></is></c></row>' * 50)
    chance = random.Random(7)
    damaged = [bytearray(body) for _ in range(150)]
    for each in damaged:
        for _ in range(4):
            each[chance.randrange(len(each))] ^= 1 << chance.randrange(8)
    protected = bytearray(body)
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = protected.find(sign)
        while start >= 0:
            protected[start + at] |= 1
            start = protected.find(sign, start + 1)
    for each in (*damaged, protected):
        try:
            people(bytes(each))
        except Problem as refused:
            assert refused.status in (413, 422)
    with pytest.raises(Problem) as refused_whole:
        people(bytes(protected))
    assert refused_whole.value.code == "workbook_unreadable"


def test_only_sheets_may_be_long_since_they_are_read_row_by_row() -> None:
    """What is beside them is in memory as a whole, by whatever name: styles, pictures, texts that sheets share."""
    body, long = workbook(b""), b"<row/>" * (25 * 2**20 // 6)
    assert Workbook(io.BytesIO(workbook(long)), 500, 100 * 2**20).sheets
    shared = b'<Override PartName="/xl/worksheets/more.xml" ContentType="application/x.sharedStrings+xml"/></Types>'
    twice = b'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/x.sharedStrings+xml"/></Types>'
    for made in (
        reworked(body, {"xl/media/picture.png": long}),
        reworked(body, {"xl/worksheets/more.xml": long}, (b"</Types>", shared)),
        reworked(workbook(long), {}, (b"</Types>", twice)),
    ):
        with pytest.raises(Problem) as refused:
            Workbook(made, 500, 100 * 2**20)
        assert refused.value.status == 413


def test_a_cell_that_no_program_writes_costs_its_row() -> None:
    text = b"x" * 70_000
    row = b'<row r="%d"><c t="inlineStr"><is><t>%s</t></is></c></row>'
    read = people(workbook(row % (2, text) + row % (3, b"a@x.example")))
    assert read == [None, "a@x.example"]


cell = st.text(st.sampled_from('ab ",;\n\té@.'), max_size=12)
CLEAN = st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(CLEAN, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]), st.sampled_from([0, 1, 3]))
def test_whatever_a_csv_writer_wrote_gives_each_owner_once(
    rows: list[tuple[str, str, str]], delimiter: str, end: str, quoting: int
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(
        out, delimiter=delimiter, lineterminator=end, quoting=quoting, escapechar="\\" if quoting == 3 else None
    )
    if quoting == 3:
        rows = [tuple(part.translate({ord(sign): "" for sign in '",;\n\t\\'}) for part in row) for row in rows]
    writer.writerow(["Email", "First Name", "Note", "City"])
    writer.writerows([f"p{number}@x.example", *row] for number, row in enumerate(rows))
    assert people(out.getvalue()) == [f"p{number}@x.example" for number in range(len(rows))]


def test_what_a_file_is_made_of_is_shown() -> None:
    found, rows = listed(f"Some notes\n\nE-Mail;Straße;custom.city\n{A};Weg 1;Bern\n".encode("windows-1252"))
    assert (found.format, found.encoding, found.separator, found.header_line) == ("csv", "windows-1252", ";", 3)
    assert json.dumps(found.shown_columns()) == json.dumps(
        [{"column": "E-Mail", "field": "email"}, {"column": "Straße", "field": "custom.strasse"},
         {"column": "custom.city", "field": "custom.city"}]
    )  # fmt: skip
    assert rows[0].line == 4
