"""Lists as people have them, over HTTP: encodings, workbooks, columns, notes, inspection, search and export."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import openpyxl
import pytest

from api.tables.table import WORKBOOK
from tests.api.answers import problem
from tests.engine import Company, Engine, Organization, addresses, draft

CSV = {"Content-Type": "text/csv"}


@pytest.fixture(scope="module")
def org(engine: Engine) -> Organization:
    return engine.new_organization()


@pytest.fixture(scope="module")
def company(org: Organization) -> Company:
    return org.connected_company()


def send(company: Company, content: bytes, campaign: str | None = None, **params: Any) -> httpx.Response:
    path = f"/v1/campaigns/{campaign or draft(company)}/leads"
    headers = {"Content-Type": WORKBOOK} if content.startswith(b"PK") else CSV
    return company.api.post(path, content=content, headers=headers, params=params)


def inspected(company: Company, content: bytes, **params: Any) -> dict[str, Any]:
    path = f"/v1/campaigns/{draft(company)}/leads:inspect"
    headers = {"Content-Type": WORKBOOK} if content.startswith(b"PK") else CSV
    return company.api.post(path, content=content, headers=headers, params=params).raise_for_status().json()


def workbook(*rows: list[Any], sheet: str = "People") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "Notes"  # pyright: ignore[reportOptionalMemberAccess]
    page = book.create_sheet(sheet)
    for row in rows:
        page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def lead(company: Company, answer: dict[str, Any], row: int = 0) -> dict[str, Any]:
    return company.api.get(f"/v1/leads/{answer['results'][row]['lead_id']}").raise_for_status().json()


def test_a_list_is_shown_as_it_is_understood_and_adds_no_person(company: Company) -> None:
    (email,) = addresses(1)
    text = f"sep=;\r\nE-Mail;Prénom;Ort;Ort\r\n{email};Zoë;Genève;Bern\r\n;;;\r\nnobody;Leo;;\r\n"
    shown = inspected(company, text.encode("windows-1252"))
    assert (shown["format"], shown["encoding"], shown["separator"], shown["header_line"]) == (
        "csv", "windows-1252", ";", 2,
    )  # fmt: skip
    assert [column["field"] for column in shown["columns"]] == ["email", "first_name", "custom.ort", "custom.ort_2"]
    assert shown["received"] == 2
    first, second = shown["rows"]
    assert (first["email"], first["first_name"], first["custom"]) == (email, "Zoë", {"ort": "Genève", "ort_2": "Bern"})
    assert (second["line"], second["reason"]) == (5, "invalid_email")
    assert company.api.get("/v1/leads", params={"email": email}).json()["data"] == []


def test_a_workbook_is_read_as_its_sheet_shows_it(company: Company) -> None:
    (email,) = addresses(1)
    content = workbook(
        ["Exported for you"], [],
        ["Email", "First Name", "Employees", "Since", "Active", "Broken"],
        [email, "Zoë", 250.0, datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None), True, "#N/A"],
    )  # fmt: skip
    answer = send(company, content).raise_for_status().json()
    assert answer["counts"]["added"] == 1
    assert answer["results"][0]["line"] == 4
    assert lead(company, answer)["custom"] == {"employees": "250", "since": "2026-03-01", "active": "TRUE"}
    assert inspected(company, content)["sheet"] == "People"


def test_the_columns_that_a_file_names_otherwise_can_be_mapped(company: Company) -> None:
    (email,) = addresses(1)
    text = f"Wer,Wie,Rang,Geheim\n{email},Zoë,CEO,x\n".encode()
    said = json.dumps({"Wer": "email", "Wie": "first_name", "Rang": "custom.title", "Geheim": None})
    answer = send(company, text, map=said).raise_for_status().json()
    assert [column["field"] for column in answer["columns"]] == ["email", "first_name", "custom.title", None]
    person = lead(company, answer)
    assert (person["first_name"], person["custom"]) == ("Zoë", {"title": "CEO"})
    for wrong, code in (
        ("[", "map_invalid"), ('{"Wer": "org_id!"}', "map_invalid"), ('{"Who": "email"}', "map_unknown_column"),
        ('{"Wer": "email", "Wie": "email"}', "map_invalid"),
    ):  # fmt: skip
        assert problem(send(company, text, map=wrong), 422, code)["detail"]


def test_an_encoding_that_is_named_is_used_and_a_wrong_one_is_refused(company: Company) -> None:
    (email,) = addresses(1)
    text = f"Email,First Name\n{email},Gergő\n".encode("windows-1250")
    answer = send(company, text, charset="windows-1250").raise_for_status().json()
    assert lead(company, answer)["first_name"] == "Gergő"
    problem(send(company, text, charset="utf-8"), 422, "charset_mismatch")
    problem(send(company, text, charset="unicode_escape"), 422, "charset_unknown")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"), (b"\x89PNG\r\n\x1a\n", "picture"), (b"BEGIN:VCARD\r\nFN:Lea", "vCard"),
        (b"<!DOCTYPE html><html>", "web page"), (b'{"leads": []}', "JSON"), (b"\xd0\xcf\x11\xe0\xa1\xb1", ".xls"),
        (b"PK\x03\x04 nothing", "archive"),
    ],
)  # fmt: skip
def test_what_is_no_list_is_refused_and_named(content: bytes, words: str, company: Company) -> None:
    assert words in problem(send(company, content), 422, "not_a_list")["detail"]


def test_a_damaged_workbook_is_refused_whole(company: Company) -> None:
    content = workbook(["Email"], ["a@b.example"])
    for cut in (content[: len(content) // 2], content[:-30]):
        answer = send(company, cut)
        assert answer.status_code == 422
        assert answer.json()["code"] in ("workbook_unreadable", "not_a_list")


def test_what_another_person_has_already_is_left_out_and_noted(company: Company) -> None:
    one, two = addresses(2)
    profile = f"https://www.linkedin.com/in/{one.split('.')[1].split('@')[0]}"
    rows = f"email,linkedin_url\n{one},{profile}\n{two},{profile}\n".encode()
    answer = send(company, rows).raise_for_status().json()
    taken = [{"field": "linkedin_url", "code": "not_taken"}]
    assert [row["notes"] for row in answer["results"]] == [[], taken]
    again = send(company, f"email,linkedin_url\n{two},{profile}\n".encode()).raise_for_status().json()
    assert again["results"][0]["notes"] == taken
    assert lead(company, answer, 1)["linkedin_url"] is None


def test_people_have_a_source_are_filtered_by_it_and_exported(org: Organization) -> None:
    company = org.connected_company("Sources")
    one, two, three = addresses(3)
    send(
        company, f"email,source,city\n{one},Fair,=1+1\n{two},,Bern\n".encode(), source="List of May"
    ).raise_for_status()
    body = {"leads": [{"email": two, "source": "Later"}, {"email": three, "source_at": "2026-05-01T00:00:00Z"}]}
    company.api.post(f"/v1/campaigns/{draft(company)}/leads", json=body).raise_for_status()

    def of(source: str) -> list[str]:
        return [row["email"] for row in company.api.get("/v1/leads", params={"source": source}).json()["data"]]

    assert (of("Fair"), of("List of May"), of("Later")) == ([one], [two], [])
    text = company.api.get("/v1/leads/export").raise_for_status().text
    rows = {row["email"]: row for row in csv.DictReader(io.StringIO(text))}
    assert set(rows) == {one, two, three}
    assert (rows[one]["source"], rows[one]["custom.city"], rows[three]["source_at"][:10]) == (
        "Fair", "'=1+1", "2026-05-01",
    )  # fmt: skip
    shown = inspected(company, text.encode())
    assert [column["field"] for column in shown["columns"]][-1] == "custom.city"
    assert company.api.get("/v1/leads/export", params={"source": "Fair"}).text.count("\n") == 2


def test_people_are_searched_by_beginnings_without_case_and_accents(org: Organization) -> None:
    company, other = org.connected_company("Searched"), org.connected_company("Elsewhere")
    mark = addresses(1)[0].split(".")[1].split("@")[0]
    zoe = {"first_name": "Zoë", "last_name": "Ødegård", "company_name": "Café Lux"}
    sean = {"first_name": "Seán", "last_name": "O'Neill"}
    body = {"leads": [{"email": f"zoe.{mark}@example.com", **zoe}, {"email": f"sean.{mark}@example.org", **sean}]}
    for each in (company, other):
        each.api.post(f"/v1/campaigns/{draft(each)}/leads", json=body).raise_for_status()

    def found(client: httpx.Client, q: str, **params: Any) -> list[str]:
        rows = client.get("/v1/leads", params={"q": q, **params}).raise_for_status().json()["data"]
        return sorted(row["first_name"] for row in rows)

    for q in ("zoe", "ZOË", "zoe ød", "ødegård z", "cafe l", f"zoe.{mark}@ex", "Zo"):
        assert found(company.api, q) == ["Zoë"], q
    assert found(company.api, "oneill") == found(company.api, "O’Neill, S") == ["Seán"]
    for q in ("lux", "%%", "@@", "  "):
        assert found(company.api, q) == [], q
    assert found(org.api, "oneil", company_id=company.id) == ["Seán"]
    assert len(found(org.api, "oneil")) == 2
    assert problem(company.api.get("/v1/leads", params={"q": "z"}), 422)
    lead_id = company.api.get("/v1/leads", params={"q": "zoe"}).json()["data"][0]["id"]
    company.api.patch(f"/v1/leads/{lead_id}", json={"last_name": "Lind"}).raise_for_status()
    assert (found(company.api, "lind"), found(company.api, "zoe lind"), found(company.api, "odegard")) == (
        ["Zoë"], ["Zoë"], [],
    )  # fmt: skip


def test_a_do_not_contact_list_is_read_from_a_workbook_and_in_its_encoding(company: Company) -> None:
    one, two = addresses(2)
    for content, kind in (
        (workbook(["Email", "Note"], [one, "x"]), WORKBOOK),
        (f"sep=;\nStraße;E-Mail\nWeg;{two}\n".encode("windows-1252"), "text/csv"),
    ):
        answer = company.api.post("/v1/suppressions", content=content, headers={"Content-Type": kind})
        assert answer.raise_for_status().json()["counts"]["added"] == 1
