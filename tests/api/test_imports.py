"""Long lists: sent in a stream, read after the answer, each row with its result, and none of it twice."""

import contextlib
import csv
import http.client
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.tables.table import WORKBOOK
from tests.api.answers import problem
from tests.engine import PATIENCE, Company, Engine, Organization, addresses, draft, wait_for
from tests.support.workbooks import workbook

NDJSON = "application/x-ndjson"


@pytest.fixture(scope="module")
def org(engine: Engine) -> Organization:
    return engine.new_organization()


@pytest.fixture(scope="module")
def company(org: Organization) -> Company:
    return org.connected_company()


def send(company: Company, content: Any, *, kind: str = "leads", media_type: str = "text/csv", headers: Any = None,
         **params: Any) -> httpx.Response:  # fmt: skip
    if kind == "leads":
        params.setdefault("campaign_id", draft(company))
    headers = {"Content-Type": media_type, **(headers or {})}
    return company.api.post("/v1/imports", content=content, headers=headers, params={"kind": kind, **params})


def sent(company: Company, content: Any, **more: Any) -> dict[str, Any]:
    answer = send(company, content, **more)
    assert answer.status_code == 202, answer.text
    return answer.json()


def ended(company: Company, imported: dict[str, Any]) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        shown = company.api.get(f"/v1/imports/{imported['id']}").raise_for_status().json()
        return shown if shown["finished_at"] else None

    return wait_for("the end of the import", look)


def results(company: Company, imported: dict[str, Any]) -> list[dict[str, str]]:
    text = company.api.get(f"/v1/imports/{imported['id']}/results").raise_for_status().text
    return list(csv.DictReader(io.StringIO(text)))


def stored(engine: Engine, company: Company) -> tuple[int, int]:
    """How many lists are still coming, and how many pieces are kept."""
    coming = "select from outbound.imports where company_id = %s and state = 'receiving' and deleted_at is null"
    kept = "select from outbound.import_chunks where company_id = %s"
    with engine.sql() as conn:
        return conn.execute(coming, (company.id,)).rowcount, conn.execute(kept, (company.id,)).rowcount


def test_a_long_list_is_added_and_each_row_has_its_result(company: Company) -> None:
    campaign, known = draft(company), addresses(5000)
    rows = ["E-Mail;Vorname;Stadt", *(f"{email};Zoë;Köln" for email in known), f"{known[0].upper()};;", "nobody;=1+1;"]
    imported = sent(company, "\r\n".join(rows).encode("windows-1252"), campaign_id=campaign, name="Fair 2026")
    assert (imported["state"], imported["counts"]["received"], imported["finished_at"]) == ("queued", 0, None)
    shown = ended(company, imported)
    assert (shown["state"], shown["progress"], shown["reason"]) == ("completed", 1.0, None)
    assert (shown["format"], shown["encoding"], shown["separator"], shown["header_line"]) == (
        "csv", "windows-1252", ";", 1,
    )  # fmt: skip
    assert [column["field"] for column in shown["columns"]] == ["email", "first_name", "custom.stadt"]
    assert shown["counts"] == {
        "received": 5002, "added": 5000, "duplicate": 1, "known": 0, "suppressed": 0, "skipped": 0, "invalid": 1,
    }  # fmt: skip
    shown_rows = results(company, imported)
    assert [row["index"] for row in shown_rows] == [str(number) for number in range(5002)]
    assert [row["line"] for row in shown_rows] == [str(number) for number in range(2, 5004)]
    assert [row["email"] for row in shown_rows[:5000]] == known
    assert {row["result"] for row in shown_rows[:5000]} == {"added"}
    assert [(row["result"], row["reason"]) for row in shown_rows[5000:]] == [
        ("duplicate", ""),
        ("invalid", "invalid_email"),
    ]
    lead = company.api.get(f"/v1/leads/{shown_rows[0]['lead_id']}").json()
    assert (lead["first_name"], lead["custom"], lead["source"]) == ("Zoë", {"stadt": "Köln"}, "Fair 2026")
    assert (shown["name"], shown["source"]) == ("Fair 2026", "Fair 2026")
    members = company.api.get(f"/v1/campaigns/{campaign}/leads", params={"limit": 200}).json()
    assert len(members["data"]) == 200


def both_ways(company: Company, content: bytes, media_type: str) -> tuple[list[Any], list[Any]]:
    """Send a list to a campaign at once and another way, and return what became of the rows each time, without ids."""
    ways: list[list[Any]] = []
    shown = ("result", "reason", "email", "linkedin_url")
    for is_long in (False, True):
        campaign = draft(company)
        if is_long:
            ended(company, imported := sent(company, content, campaign_id=campaign, media_type=media_type))
            rows: list[dict[str, Any]] = [*results(company, imported)]
            notes = [row["notes"] for row in rows]
        else:
            path, headers = f"/v1/campaigns/{campaign}/leads", {"Content-Type": media_type}
            rows = company.api.post(path, content=content, headers=headers).raise_for_status().json()["results"]
            notes = ["; ".join(f"{note['field']}: {note['code']}" for note in row["notes"]) for row in rows]
        lines = [str(row["line"]) for row in rows]
        ways.append([lines, notes, [[row[name] or "" for name in shown] for row in rows]])
    return ways[0], ways[1]


def test_a_list_has_the_same_results_at_once_and_as_an_import(org: Organization) -> None:
    """The same person far below, lines that are no JSON, quotes in the header: wherever windows and batches end."""
    for number in range(3):
        first, *others = addresses(4500)
        if number == 0:
            lines = [f"{first},Maria,,Rome", *(f"{each},Otto,,Bonn" for each in others)]
            lines += [f"{first},Otto,https://www.linkedin.com/in/otto-{first[:8]},Bonn", "nobody,,,"]
            content, media_type = "\n".join(["email,first_name,linkedin_url,city", *lines]).encode(), "text/csv"
        elif number == 1:
            rows = [json.dumps({"email": each}).encode() for each in others[:50]]
            bad = [b'{"email": "\xff@a.example"}', "\u00a0".encode(), b"\x1c", b"", b"[]", b'{"email": 1}']
            many = json.dumps({"email": first, **{f"a{n}": n for n in range(2000)}}).encode()
            content, media_type = b"\xef\xbb\xbf" + b"\n".join([*bad, many, *rows, *bad]), NDJSON
        else:
            rows = [f"{each},some text".encode() for each in others]
            content = b'email,"Job" title\n' + b"\n".join(rows) + f'\n{first},Monitor 27"\n'.encode()
            media_type = "text/csv"
        at_once, imported = both_ways(org.connected_company(), content, media_type)
        assert at_once == imported
        assert len(imported[0]) > 50


def test_a_person_in_two_rows_is_as_the_first_one_says(company: Company) -> None:
    first, *others = addresses(4100)
    rows = [f"{first},Maria,Rome", *(f"{each},Otto,Bonn" for each in others), f"{first.upper()},Otto,Bonn"]
    ended(company, imported := sent(company, "\n".join(["email,first_name,city", *rows]).encode()))
    shown_rows = results(company, imported)
    assert (shown_rows[-1]["result"], shown_rows[-1]["lead_id"]) == ("duplicate", shown_rows[0]["lead_id"])
    lead = company.api.get(f"/v1/leads/{shown_rows[0]['lead_id']}").json()
    assert (lead["first_name"], lead["custom"]) == ("Maria", {"city": "Rome"})


def test_a_workbook_is_read_row_by_row(company: Company) -> None:
    known = addresses(4500)
    content = workbook([["Exported"], [], ["Email", "Phone"], *([email, 491701234567.0] for email in known)])
    shown = ended(company, imported := sent(company, content, media_type=WORKBOOK))
    assert (shown["format"], shown["sheet"], shown["header_line"], shown["encoding"]) == ("xlsx", "People", 3, None)
    assert (shown["counts"]["received"], shown["counts"]["added"]) == (4500, 4500)
    shown_rows = results(company, imported)
    assert [(row["line"], row["email"]) for row in shown_rows] == [
        (str(n), email) for n, email in enumerate(known, start=4)
    ]
    lead = company.api.get(f"/v1/leads/{shown_rows[0]['lead_id']}").json()
    assert lead["custom"] == {"phone": "491701234567"}


def test_lines_of_json_are_read_one_by_one(company: Company) -> None:
    first, second = addresses(2)
    lines = [
        json.dumps({"email": first, "custom": {"note": "a\nb"}, "source": "own"}),
        "",
        "{",
        json.dumps({"email": second}),
    ]
    shown = ended(company, imported := sent(company, "\n".join(lines).encode(), media_type=NDJSON, source="Import 1"))
    assert (shown["format"], shown["columns"], shown["separator"]) == ("ndjson", None, None)
    shown_rows = results(company, imported)
    assert [(row["line"], row["result"], row["reason"]) for row in shown_rows] == [
        ("1", "added", ""), ("3", "invalid", "not_json"), ("4", "added", ""),
    ]  # fmt: skip
    sources = [
        company.api.get(f"/v1/leads/{row['lead_id']}").json()["source"] for row in (shown_rows[0], shown_rows[2])
    ]
    assert sources == ["own", "Import 1"]


def test_a_do_not_contact_list_is_read_like_a_list_of_people(company: Company) -> None:
    first, second, third = addresses(3)
    company.api.post("/v1/suppressions", json={"email": second}).raise_for_status()
    content = f"email\n{first}\n{second}\n=nobody\n{first}\n".encode()
    shown = ended(company, imported := sent(company, content, kind="suppressions"))
    assert shown["campaign_id"] is None
    assert {name: count for name, count in shown["counts"].items() if count} == {
        "received": 4, "added": 1, "known": 2, "invalid": 1,
    }  # fmt: skip
    shown_rows = results(company, imported)
    assert [(row["value"], row["result"]) for row in shown_rows] == [
        (first, "added"), (second, "known"), ("'=nobody", "invalid"), (first, "known"),
    ]  # fmt: skip
    assert shown_rows[0]["suppression_id"] == shown_rows[3]["suppression_id"]
    people = sent(company, f"email\n{first}\n{third}\n".encode())
    assert [row["result"] for row in (ended(company, people), results(company, people))[1]] == ["suppressed", "added"]


def test_a_name_of_a_column_may_be_any_text(company: Company) -> None:
    email = addresses(1)[0]
    shown = ended(company, sent(company, f"email,na\0me,\u202e\U0001f600\n{email},x,y\n".encode()))
    assert (shown["state"], shown["counts"]["added"]) == ("completed", 1)


REFUSED = {
    "a binary file": (b"\0\0\0\1" * 20, "not_a_list"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "not_a_list"),
    "JSON": (b'[{"email": "a@b.example"}]', "not_a_list"),
    "no column": (b"colour,size\nred,4\n", "email_column_missing"),
    "a document": (b"PK\x03\x04" + b"\0" * 30 + b"word/document.xml", "not_a_list"),
    "no end": (b'email\n' + b"x" * 40_000_000, "line_too_long"),
}  # fmt: skip


@pytest.mark.parametrize("content, reason", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_list_fails_and_says_why(company: Company, content: bytes, reason: str) -> None:
    shown = ended(company, sent(company, content))
    assert (shown["state"], shown["reason"], shown["counts"]["received"]) == ("failed", reason, 0)
    assert len(shown["detail"]) > 20


def test_what_cannot_be_read_is_refused_before_it_is_sent(org: Organization, company: Company, engine: Engine) -> None:
    email = f"email\n{addresses(1)[0]}\n".encode()
    other = engine.new_organization().connected_company()
    for params, code in (
        ({"kind": "people"}, "invalid_request"), ({"campaign_id": draft(other)}, "unknown_reference"),
        ({"map": "[]"}, "map_invalid"), ({"kind": "suppressions", "map": "{}"}, "map_invalid"),
        ({"kind": "suppressions", "campaign_id": draft(company)}, "invalid_request"), ({"name": ""}, "invalid_request"),
        ({"charset": "klingon"}, "charset_unknown"), ({"map": "{}", "media_type": NDJSON}, "map_invalid"),
    ):  # fmt: skip
        problem(send(company, email, **params), 422, code)
    problem(send(company, b""), 422, "empty_list")
    problem(send(company, b"{}", media_type="application/json"), 415, "unsupported_media_type")
    assert refused_by_its_length(engine, company, 600 * 2**20) == 413


def test_imports_are_listed_by_kind_and_state(company: Company) -> None:
    for kind in ("leads", "suppressions"):
        ended(company, sent(company, f"email\n{addresses(1)[0]}\n".encode(), kind=kind))
    shown = company.api.get("/v1/imports", params={"limit": 200}).json()["data"]
    for name in ("kind", "state"):
        for value in {each[name] for each in shown}:
            found = company.api.get("/v1/imports", params={name: value, "limit": 200}).json()["data"]
            assert [each["id"] for each in found] == [each["id"] for each in shown if each[name] == value]
    assert {each["kind"] for each in shown} == {"leads", "suppressions"}


def refused_by_its_length(engine: Engine, company: Company, length: int) -> int:
    """Say how long a list is going to be, and return the status of the answer."""
    host, port = engine.api_url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
    connection.putrequest("POST", "/v1/imports?kind=suppressions")
    for name, value in (
        ("Authorization", f"Bearer {company.token}"), ("Content-Type", "text/csv"), ("Content-Length", str(length)),
    ):  # fmt: skip
        connection.putheader(name, value)
    connection.endheaders()
    with contextlib.closing(connection):
        return connection.getresponse().status


def test_a_list_sent_again_under_its_key_is_read_once(company: Company) -> None:
    campaign, content = draft(company), f"email\n{addresses(1)[0]}\n".encode()
    key = {"Idempotency-Key": addresses(1)[0]}
    first = send(company, content, campaign_id=campaign, headers=key)
    again = send(company, content, campaign_id=campaign, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["Location"] == first.headers["Location"] == f"/v1/imports/{first.json()['id']}"
    assert again.headers["Idempotency-Replayed"] == "true"
    other = send(company, content + b"x@y.example\n", campaign_id=campaign, headers=key)
    problem(other, 422, "idempotency_key_reused")
    ended(company, first.json())
    company.api.post(f"/v1/campaigns/{campaign}/archive").raise_for_status()  # whatever becomes of it
    assert send(company, content, campaign_id=campaign, headers=key).json()["id"] == first.json()["id"]
    listed = company.api.get("/v1/imports").json()["data"]
    assert [each["id"] for each in listed if each["campaign_id"] == campaign] == [first.json()["id"]]


def test_a_list_that_does_not_come_whole_leaves_nothing(company: Company, engine: Engine) -> None:
    before = {each["id"] for each in company.api.get("/v1/imports").json()["data"]}
    for each in before:
        ended(company, {"id": each})
    wait_for("the lists before", lambda: stored(engine, company) == (0, 0) or None)

    def part() -> Iterator[bytes]:
        yield b"email\n" + b"a@b.example\n" * 200_000
        wait_for("some of it to be stored", lambda: stored(engine, company) == (1, 2) or None)
        raise RuntimeError("the sender goes away")

    with pytest.raises(RuntimeError):
        send(company, part())
    wait_for("it to be taken away", lambda: stored(engine, company) == (0, 0) or None)
    assert {each["id"] for each in company.api.get("/v1/imports").json()["data"]} == before


def test_a_canceled_list_is_read_no_more(company: Company, engine: Engine) -> None:
    content = "email\n" + "\n".join(addresses(40_000)) + "\n"
    imported = sent(company, content.encode())
    waiting = sent(company, b"email\nlast@wait.example\n")
    path = f"/v1/imports/{imported['id']}/cancel"
    wait_for("the first rows", lambda: len(results(company, imported)) or None)
    canceled = company.api.post(path).raise_for_status().json()
    assert canceled["state"] == "canceled"
    assert company.api.post(path).raise_for_status().json()["state"] == "canceled"
    assert ended(company, waiting)["state"] == "completed"  # one after the other
    shown = company.api.get(f"/v1/imports/{imported['id']}").json()
    assert 0 < shown["counts"]["received"] < 40_000
    assert len(results(company, imported)) == shown["counts"]["received"]
    again = company.api.post(f"/v1/imports/{waiting['id']}/cancel").raise_for_status().json()
    assert again["state"] == "completed"
    wait_for("its pieces to go", lambda: stored(engine, company) == (0, 0) or None)


def test_another_tenant_sees_no_import(company: Company, org: Organization, engine: Engine) -> None:
    imported = sent(company, f"email\n{addresses(1)[0]}\n".encode())
    ended(company, imported)
    sibling, stranger = org.connected_company(), engine.new_organization().connected_company()
    for other in (sibling, stranger):
        for path in ("", "/results"):
            assert other.api.get(f"/v1/imports/{imported['id']}{path}").status_code == 404
        assert other.api.post(f"/v1/imports/{imported['id']}/cancel").status_code == 404
        assert other.api.get("/v1/imports").json()["data"] == []
    assert org.api.get(f"/v1/imports/{imported['id']}/results").status_code == 200
