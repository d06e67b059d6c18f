"""Lead lists as people really send them: every row is judged by itself, and the good ones are in."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.answers import problem, random_id
from tests.engine import Company, Engine, addresses, draft

DATA = Path(__file__).resolve().parents[1] / "data"
LIST = DATA / "leads_5000.csv"
EXPECTED = json.loads((DATA / "leads_5000.expected.json").read_text())
KINDS = {"json": "application/json", "csv": "text/csv", "ndjson": "application/x-ndjson"}


@pytest.fixture(scope="module")
def company(engine: Engine) -> Company:
    return engine.new_organization().connected_company()


def post(company: Company, campaign: str, kind: str, content: Any) -> httpx.Response:
    headers = {"Content-Type": KINDS[kind]}
    return company.api.post(f"/v1/campaigns/{campaign}/leads", content=content, headers=headers)


def added(company: Company, campaign: str, kind: str, content: Any) -> dict[str, Any]:
    """Send a list and return the answer, having checked that its counts are those of its rows."""
    answer = post(company, campaign, kind, content)
    assert answer.status_code == 200, answer.text[:500]
    body = answer.json()
    assert set(body) == {"counts", "columns", "results"}
    assert (body["columns"] is None) == (kind != "csv")
    found = [row["result"] for row in body["results"]]
    counts = {name: found.count(name) for name in ("added", "duplicate", "suppressed", "skipped", "invalid")}
    assert body["counts"] == {"received": len(found), **counts}
    assert [row["index"] for row in body["results"]] == list(range(len(found)))
    for row in body["results"]:
        assert (row["reason"] is not None) == (row["result"] == "invalid"), row
        assert (row["lead_id"] is not None) == (row["result"] in ("added", "duplicate")), row
    return body


def as_json(rows: list[Any]) -> bytes:
    return json.dumps({"leads": rows}).encode()


def people(company: Company, campaign: str) -> list[dict[str, Any]]:
    """Return every lead of a campaign, oldest first."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        params = {"limit": 200, **cursor}
        page = company.api.get(f"/v1/campaigns/{campaign}/leads", params=params).raise_for_status().json()
        found += page["data"]
        if page["next_cursor"] is None:
            return found[::-1]
        cursor = {"cursor": page["next_cursor"]}


def test_a_real_list_of_5000_rows_is_judged_as_it_was_made(engine: Engine) -> None:
    company = engine.new_organization().connected_company()
    campaign = draft(company)
    body = added(company, campaign, "csv", LIST.read_bytes())
    assert body["counts"] == {
        "received": EXPECTED["rows"], "added": EXPECTED["good"], "duplicate": EXPECTED["duplicates"],
        "suppressed": 0, "skipped": 0, "invalid": EXPECTED["invalid"],
    }  # fmt: skip
    known = {row["email"].lower() for row in people(company, campaign)}
    assert len(known) == EXPECTED["good"]
    assert known >= set(EXPECTED["sample_good"])
    again = added(company, campaign, "csv", LIST.read_bytes())["counts"]
    assert (again["added"], again["invalid"]) == (0, EXPECTED["invalid"])
    assert again["duplicate"] == EXPECTED["good"] + EXPECTED["duplicates"]
    assert company.api.get(f"/v1/campaigns/{campaign}/stats").json()["leads"]["total"] == EXPECTED["good"]


def test_an_invalid_address_in_the_middle_of_10000_costs_itself_alone(company: Company) -> None:
    campaign = draft(company)
    rows: list[dict[str, Any]] = [{"email": email} for email in addresses(10_000)]
    rows[5_000] = {"email": "not an address"}
    body = added(company, campaign, "json", as_json(rows))
    assert body["counts"] == {
        "received": 10_000,
        "added": 9_999,
        "duplicate": 0,
        "suppressed": 0,
        "skipped": 0,
        "invalid": 1,
    }
    assert [row for row in body["results"] if row["result"] == "invalid"] == [
        {
            "index": 5_000,
            "line": None,
            "email": "not an address",
            "linkedin_url": None,
            "result": "invalid",
            "lead_id": None,
            "reason": "invalid_email",
            "notes": [{"field": "email", "code": "invalid_email"}],
        }
    ]
    assert company.api.get(f"/v1/campaigns/{campaign}/stats").json()["leads"]["total"] == 9_999


def test_10001_rows_are_too_many_and_none_is_in(company: Company) -> None:
    campaign = draft(company)
    emails = addresses(10_001)
    lists = {
        "json": as_json([{"email": email} for email in emails]),
        "ndjson": "\n".join(json.dumps({"email": email}) for email in emails).encode(),
    }
    for kind, content in lists.items():
        problem(post(company, campaign, kind, content), 413, "too_large")
    assert people(company, campaign) == []


@pytest.mark.parametrize("kind", KINDS)
def test_more_than_10_mebibytes_are_refused_however_they_are_sent(kind: str, company: Company) -> None:
    campaign = draft(company)
    row = {"json": b'{"leads": [', "csv": b"email\n", "ndjson": b""}[kind]
    large = row + b" " * (10 * 1024 * 1024 + 1)
    problem(post(company, campaign, kind, large), 413, "too_large")

    def chunks() -> Iterator[bytes]:
        yield row
        for _ in range(11 * 16):
            yield b" " * 65_536

    problem(post(company, campaign, kind, chunks()), 413, "too_large")


def test_ndjson_is_judged_line_by_line(company: Company) -> None:
    campaign = draft(company)
    one, two, three = addresses(3)
    lines = [
        json.dumps({"email": one, "first_name": "Zoë", "custom": {"city": "Łódź"}}),
        "", '{"email": "cut', "[1]", "null",
        json.dumps({"email": two, "nickname": "x"}), json.dumps({"email": three}), json.dumps({"email": one.upper()}),
    ]  # fmt: skip
    body = added(company, campaign, "ndjson", ("\ufeff" + "\r\n".join(lines)).encode())
    assert [(row["result"], row["reason"]) for row in body["results"]] == [
        ("added", None), ("invalid", "not_json"), ("invalid", "invalid_row"), ("invalid", "invalid_row"),
        ("added", None), ("added", None), ("duplicate", None),
    ]  # fmt: skip
    assert body["results"][4]["notes"] == [{"field": "nickname", "code": "unknown_field"}]


GOOD = addresses(1)[0]
BAD_ROWS: list[tuple[Any, str]] = [
    ({}, "missing_email"),
    ({"email": None}, "missing_email"),
    ({"email": ""}, "missing_email"),
    ({"email": 7}, "invalid_email"),
    ({"email": "a@b"}, "invalid_email"),
    ({"email": "a@@b.example"}, "invalid_email"),
    ({"email": "a b@c.example"}, "invalid_email"),
    ({"email": "@c.example"}, "invalid_email"),
    ({"email": "a" * 400 + "@c.example"}, "invalid_email"),
    ({"email": "\ud800@c.example"}, "lone_surrogate"),
    ("x", "invalid_row"),
    (None, "invalid_row"),
    ([], "invalid_row"),
    ({"email": f"\0{GOOD}"}, "nul_character"),
]
ODD_ROWS: list[tuple[Any, str]] = [
    ({"email": GOOD, "org_id": random_id()}, "unknown_field"),
    ({"email": GOOD, "company_id": random_id()}, "unknown_field"),
    ({"email": GOOD, "first_name": "a\0"}, "nul_character"),
    ({"email": GOOD, "custom": {"a": "\0"}}, "nul_character"),
    ({"email": GOOD, "custom": {"a": "\ud800"}}, "lone_surrogate"),
    ({"email": GOOD, "first_name": "\ud800"}, "lone_surrogate"),
    ({"email": GOOD, "first_name": 7}, "invalid_first_name"),
    ({"email": GOOD, "last_name": "x" * 201}, "too_long"),
    ({"email": GOOD, "company_name": "\ud800"}, "lone_surrogate"),
    ({"email": GOOD, "custom": []}, "invalid_custom"),
    ({"email": GOOD, "custom": {"a b": "x"}}, "invalid_custom"),
    ({"email": GOOD, "custom": {"a": {}}}, "invalid_custom"),
    ({"email": GOOD, "custom": {"a\0": "x"}}, "invalid_custom"),
]


def test_each_thing_wrong_with_a_row_has_its_reason(company: Company) -> None:
    body = added(company, draft(company), "json", as_json([*(row for row, _ in BAD_ROWS), {"email": GOOD}]))
    shown = [result["reason"] for result in body["results"]]
    assert [(row, said) for (row, reason), said in zip(BAD_ROWS, shown, strict=False) if said != reason] == []
    assert body["results"][-1]["result"] == "added"


def test_a_field_that_a_row_can_do_without_costs_itself_and_is_noted(company: Company) -> None:
    body = added(company, draft(company), "json", as_json([row for row, _ in ODD_ROWS]))
    assert [row["result"] for row in body["results"]] == ["added", *["duplicate"] * (len(ODD_ROWS) - 1)]
    assert [[note["code"] for note in row["notes"]] for row in body["results"]] == [[code] for _, code in ODD_ROWS]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 4000])
def test_a_number_that_json_does_not_have_spoils_its_row_alone(number: str, company: Company) -> None:
    campaign = draft(company)
    odd, good = addresses(2)
    text = f'{{"leads": [{{"email": "{odd}", "custom": {{"n": {number}}}}}, {{"email": "{good}"}}]}}'
    answer = post(company, campaign, "json", text.encode())
    if answer.status_code == 400:  # NaN is no JSON: refusing the whole is right too
        problem(answer, 400, "invalid_json")
    else:
        assert answer.status_code == 200, answer.text
        assert answer.json()["results"][1]["result"] == "added"


@pytest.mark.parametrize(
    ("name", "form"),
    {
        "comma": "email,first_name,city\n{0},Zoë,Lisbon\n",
        "semicolon": "email;first_name;city\r\n{0};Zoë;Lisbon\r\n",
        "tab": "email\tfirst_name\tcity\n{0}\tZoë\tLisbon",
        "upper case header": "EMAIL,FIRST NAME,City\n{0},Zoë,Lisbon\n",
        "other words": "E-Mail,Firstname,CITY\n{0},Zoë,Lisbon\n",
        "quotes": '"Email","First Name","City"\n"{0}","Zoë","Lisbon"\n',
        "spaces": " email , first_name , city \n {0} , Zoë , Lisbon \n",
        "other order": "city,email,first_name\nLisbon,{0},Zoë\n",
        "blank lines": "\n\nemail,first_name,city\n\n{0},Zoë,Lisbon\n\n",
        "old Macintosh": "email,first_name,city\r{0},Zoë,Lisbon\r",
    }.items(),
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_is_read_in_the_forms_that_programs_write(
    name: str, form: str, encoding: str, company: Company, engine: Engine
) -> None:
    campaign = shared_draft(company)
    email = addresses(1)[0]
    body = added(company, campaign, "csv", form.format(email).encode(encoding))
    assert body["counts"]["added"] == body["counts"]["received"] == 1, name
    lead = company.api.get(f"/v1/leads/{body['results'][0]['lead_id']}").json()
    assert (lead["email"], lead["first_name"], lead["custom"]) == (email, "Zoë", {"city": "Lisbon"})


def test_the_header_that_outlook_writes_is_understood(company: Company) -> None:
    content = f"First Name,Last Name,E-mail Address\nZoë,Smith,{addresses(1)[0]}\n".encode()
    assert added(company, shared_draft(company), "csv", content)["counts"]["added"] == 1


def shared_draft(company: Company) -> str:
    """Return a draft that many small lists may go into."""
    found = company.api.get("/v1/campaigns", params={"limit": 200}).json()["data"]
    return next((row["id"] for row in found if row["name"] == "Shared"), None) or draft(company, name="Shared")


def test_a_csv_without_what_it_needs_is_refused_as_a_whole(company: Company) -> None:
    campaign = draft(company)
    for content in (b"", b"\n\n", b"\xef\xbb\xbf", b"  \r\n"):
        problem(post(company, campaign, "csv", content), 422, "header_missing")
    for content in (b"name,city\nMaria,Lisbon\n", b"maria@example.com,Maria\n"):
        problem(post(company, campaign, "csv", content), 422, "email_column_missing")
    problem(post(company, campaign, "csv", b"\0\0\0\n"), 422, "not_a_list")
    assert added(company, campaign, "csv", b"email,first_name\n")["counts"]["received"] == 0
    assert people(company, campaign) == []


def test_a_damaged_csv_row_costs_itself_alone(company: Company) -> None:
    campaign = draft(company)
    emails = addresses(5)
    rows = [
        "email,first_name,note", f'{emails[0]},Maria,"two\nlines, and a ""quote"""', f'{emails[1]},"Maria,',
        f"{emails[2]},a,b,c,d", ",,", f"{emails[3]}",
    ]  # fmt: skip
    content = "\n".join(rows).encode() + f"\n\xff{emails[4]},x,y\n".encode("latin-1")
    body = added(company, campaign, "csv", content)
    assert [(row["result"], row["reason"]) for row in body["results"]] == [
        ("added", None), ("added", None), ("invalid", "too_many_columns"), ("added", None), ("added", None),
    ]  # fmt: skip
    notes = {row["email"]: row["custom"].get("note") for row in people(company, campaign)}
    assert notes[emails[0]] == 'two\nlines, and a "quote"'
    assert [row["line"] for row in body["results"]] == [2, 4, 5, 7, 8]


def test_a_long_or_foreign_column_name_costs_no_row(company: Company) -> None:
    campaign = draft(company)
    one, two = addresses(2)
    header = f"email,{'how many employees does the company have today ' * 2},Größe,名前,2nd phone,x\0y"
    body = added(company, campaign, "csv", f"{header}\n{one},70,XL,花,1,2\n{two},,,,,\n".encode())
    assert body["counts"]["added"] == 2, body["results"]
    lead = company.api.get(f"/v1/leads/{body['results'][0]['lead_id']}").json()
    assert {"70", "XL", "花", "1"} <= set(lead["custom"].values())


def test_of_two_columns_with_addresses_the_one_that_is_filled_counts(company: Company) -> None:
    one, two = addresses(2)
    content = f"Email,Work Email\n{one},\n,{two}\n".encode()
    assert added(company, draft(company), "csv", content)["counts"]["added"] == 2


def test_an_address_that_differs_in_case_or_spaces_is_one_person(company: Company) -> None:
    campaign, other = draft(company), draft(company)
    email = addresses(1)[0]
    rows = [{"email": email.title()}, {"email": email.upper()}, {"email": f"  {email} "}]
    body = added(company, campaign, "json", as_json(rows))
    assert [row["result"] for row in body["results"]] == ["added", "duplicate", "duplicate"]
    assert len({row["lead_id"] for row in body["results"]}) == 1
    assert added(company, campaign, "json", as_json(rows))["counts"]["duplicate"] == 3
    again = added(company, other, "json", as_json(rows))
    assert [row["result"] for row in again["results"]] == ["added", "duplicate", "duplicate"]
    assert again["results"][0]["lead_id"] == body["results"][0]["lead_id"]
    assert [row["email"] for row in people(company, campaign)] == [email.title()]


def test_suppressed_people_are_not_added_by_address_or_domain(company: Company) -> None:
    campaign = draft(company)
    listed, free = addresses(2)
    domain = f"{listed.split('@')[0].replace('.', '-')}.example.org"
    company.api.post("/v1/suppressions", json={"email": listed.upper()}).raise_for_status()
    company.api.post("/v1/suppressions", json={"domain": domain.upper()}).raise_for_status()
    rows = [{"email": email} for email in (listed, f"Anyone@{domain.title()}", f"anyone@sub.{domain}", free)]
    body = added(company, campaign, "json", as_json(rows))
    assert [row["result"] for row in body["results"]] == ["suppressed", "suppressed", "suppressed", "added"]
    assert len(people(company, campaign)) == 1


def test_what_is_sent_again_is_merged_and_what_is_not_sent_stays(company: Company) -> None:
    campaign = draft(company)
    email = addresses(1)[0]
    first = {"email": email, "first_name": "Zoë", "company_name": "Acme", "custom": {"city": "Łódź", "size": 7}}
    second = {"email": email, "first_name": None, "last_name": "Ó Súilleabháin", "custom": {"size": 8, "vip": True}}
    for row in (first, second):
        added(company, campaign, "json", as_json([row]))
    lead = people(company, campaign)[0]
    assert (lead["first_name"], lead["last_name"], lead["company_name"]) == ("Zoë", "Ó Súilleabháin", "Acme")
    assert lead["custom"] == {"city": "Łódź", "size": 8, "vip": True}


NAMES = [
    "Zoë",
    "Łukasz",
    "李小龍",
    "محمد",
    "Ёлка",
    "Þór",
    "🦊",
    "O'Brien",
    "ß",
    "e\u0301",
    "אבג",
    "<b>&amp;",
    'a"b\\c',
    "  x",
]


def test_names_come_back_as_they_were_given(company: Company) -> None:
    campaign = draft(company)
    rows = [
        {"email": email, "first_name": name, "custom": {"name": name}}
        for email, name in zip(addresses(len(NAMES)), NAMES, strict=True)
    ]
    added(company, campaign, "json", as_json(rows))
    found = {row["email"]: row for row in people(company, campaign)}
    for row in rows:
        assert found[row["email"]]["first_name"] == row["first_name"].strip()
        assert found[row["email"]]["custom"] == row["custom"]


def test_an_international_address_is_one_person_however_it_is_composed(company: Company) -> None:
    mark = addresses(1)[0].split("@")[0]
    rows = [{"email": f"jos\u00e9.{mark}@b\u00fccher.example"}, {"email": f"JOSE\u0301.{mark}@B\u00dcCHER.example"}]
    body = added(company, draft(company), "json", as_json(rows))
    assert [row["result"] for row in body["results"]] == ["added", "duplicate"]


def test_a_list_that_arrives_twice_at_once_adds_every_lead_once(company: Company) -> None:
    campaign = draft(company)
    emails = addresses(500)
    lists = [as_json([{"email": email} for email in order]) for order in (emails, emails[::-1], emails, emails[::-1])]
    with ThreadPoolExecutor(4) as pool:
        counts = [body["counts"] for body in pool.map(lambda rows: added(company, campaign, "json", rows), lists)]
    assert sum(count["added"] for count in counts) == 500
    assert len(people(company, campaign)) == 500


def test_the_whole_of_a_list_must_be_what_it_says(company: Company) -> None:
    campaign = draft(company)
    for content in (b"", b"{", b"[" * 10_000, b"\xff", b'{"leads": ['):
        problem(post(company, campaign, "json", content), 400, "invalid_json")
    for content in (b"[]", b"{}", b"null", b'{"leads": {}}', b'{"leads": null}', b'{"leads": [], "org_id": "x"}'):
        problem(post(company, campaign, "json", content), 422, "invalid_request")
    for kind in ("text/plain", "application/xml", "multipart/form-data", "", "nonsense"):
        headers = {"Content-Type": kind}
        answer = company.api.post(f"/v1/campaigns/{campaign}/leads", content=b"email\n", headers=headers)
        problem(answer, 415, "unsupported_media_type")
    problem(post(company, random_id(), "json", as_json([])), 404, "not_found")
    problem(post(company, "not-an-id", "json", as_json([])), 404, "not_found")
    assert added(company, campaign, "json", as_json([]))["counts"]["received"] == 0
