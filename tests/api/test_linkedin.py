"""LinkedIn campaigns at the API: people known by their profile, steps of other kinds, and what a company is shown."""

import secrets
from typing import Any

import pytest

from tests.engine import Company, Engine

EMAIL = {"type": "email", "delay_days": 0, "subject": "Hello", "body": "<p>Hi</p>"}
STEPS = [
    {"type": "profile_view", "delay_days": 0},
    {"type": "connection_request", "delay_days": 1, "body": "Hi {{first_name}}"},
    {"type": "message", "delay_days": 2, "body": "Thank you, {{custom.city}}"},
    {"type": "inmail", "delay_days": 3, "subject": "A question", "body": "May I ask?"},
    {"type": "follow", "delay_days": 0},
]


@pytest.fixture(scope="module")
def company(engine: Engine) -> Company:
    return engine.new_organization().new_company()


def campaign(company: Company, capability: str = "linkedin_outreach") -> str:
    body = {"name": "Campaign", "capability": capability}
    return company.api.post("/v1/campaigns", json=body).raise_for_status().json()["id"]


def slug() -> str:
    return f"maria-{secrets.token_hex(5)}"


def profile(name: str) -> str:
    return f"https://www.linkedin.com/in/{name}"


def add(company: Company, where: str, *rows: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Add people and return each one's result and reason."""
    answer = company.api.post(f"/v1/campaigns/{where}/leads", json={"leads": list(rows)})
    return [(row["result"], row["reason"]) for row in answer.raise_for_status().json()["results"]]


def leads(company: Company, where: str) -> list[dict[str, Any]]:
    """Return the people of a campaign, oldest first."""
    rows = company.api.get(f"/v1/campaigns/{where}/leads", params={"limit": 200}).raise_for_status().json()["data"]
    return [company.api.get(f"/v1/leads/{row['lead_id']}").raise_for_status().json() for row in reversed(rows)]


def test_a_profile_is_one_person_in_any_spelling(company: Company) -> None:
    where, name = campaign(company), slug()
    spellings = (profile(name), f"HTTP://LinkedIn.com/in/{name.upper()}/", f"linkedin.com/in/{name}?trk=1")
    results = add(company, where, *({"linkedin_url": url} for url in spellings))
    assert [result for result, _ in results] == ["added", "duplicate", "duplicate"]
    assert [lead["linkedin_url"] for lead in leads(company, where)] == [profile(name)]


@pytest.mark.parametrize(
    ("capability", "row", "reason"),
    [
        ("linkedin_outreach", {"email": "a@b.example"}, "missing_linkedin_url"),
        ("linkedin_outreach", {"linkedin_url": "https://www.linkedin.com/company/acme"}, "invalid_linkedin_url"),
        ("linkedin_outreach", {"linkedin_url": 7}, "invalid_linkedin_url"),
        ("linkedin_outreach", {}, "missing_email"),
        ("email_outreach", {"linkedin_url": profile("x"), "email": "nobody"}, "invalid_email"),
        ("email_outreach", {"linkedin_url": profile("x")}, "missing_email"),
    ],
)
def test_a_row_that_the_channel_cannot_use_is_said_to_be(
    company: Company, capability: str, row: dict[str, Any], reason: str
) -> None:
    where, good = campaign(company, capability), {"email": f"{slug()}@x.example", "linkedin_url": profile(slug())}
    assert add(company, where, row, good) == [("invalid", reason), ("added", None)]


def test_a_person_known_by_one_address_is_given_the_other(company: Company) -> None:
    mail, linkedin = campaign(company, "email_outreach"), campaign(company)
    name = slug()
    email = f"{name}@x.example"
    add(company, mail, {"email": email, "first_name": "Maria"})
    add(company, linkedin, {"email": email, "linkedin_url": profile(name), "last_name": "Silva"})
    (first,), (second,) = leads(company, mail), leads(company, linkedin)
    assert first == second
    assert (first["email"], first["linkedin_url"]) == (email, profile(name))
    assert (first["first_name"], first["last_name"]) == ("Maria", "Silva")
    other = slug()
    add(company, linkedin, {"linkedin_url": profile(other)})
    add(company, mail, {"email": f"{other}@x.example", "linkedin_url": profile(other)})
    assert leads(company, mail)[-1] == leads(company, linkedin)[-1]


@pytest.mark.parametrize("capability", ["email_outreach", "linkedin_outreach"])
def test_an_address_that_another_user_has_stays_theirs(company: Company, capability: str) -> None:
    where, one, two = campaign(company, capability), slug(), slug()
    own = {"email": f"{one}@x.example", "linkedin_url": profile(one)}
    add(company, where, own)
    if capability == "email_outreach":
        mixed = {"email": f"{two}@x.example", "linkedin_url": profile(one)}
        expected = (f"{two}@x.example", None)
    else:
        mixed = {"email": f"{one}@x.example", "linkedin_url": profile(two)}
        expected = (None, profile(two))
    assert add(company, where, mixed, mixed) == [("added", None), ("duplicate", None)]
    kept = [(lead["email"], lead["linkedin_url"]) for lead in leads(company, where)]
    assert kept == [(own["email"], own["linkedin_url"]), expected]


def test_two_rows_with_one_address_between_them_are_two_people(company: Company) -> None:
    where, one, two = campaign(company), slug(), slug()
    email = f"{one}@x.example"
    rows = ({"email": email, "linkedin_url": profile(name)} for name in (one, two))
    assert [result for result, _ in add(company, where, *rows)] == ["added", "added"]
    assert sorted(str(lead["email"]) for lead in leads(company, where)) == ["None", email]


@pytest.mark.parametrize("kind", ["email", "linkedin_url"])
def test_a_person_suppressed_by_either_address_is_not_added(company: Company, kind: str) -> None:
    name = slug()
    row = {"email": f"{name}@x.example", "linkedin_url": profile(name)}
    company.api.post("/v1/suppressions", json={kind: row[kind]}).raise_for_status()
    for capability in ("email_outreach", "linkedin_outreach"):
        assert add(company, campaign(company, capability), row) == [("suppressed", None)]


def test_a_csv_may_have_profiles_and_no_addresses(company: Company) -> None:
    where, name = campaign(company), slug()
    content = f"First Name;LinkedIn Profile URL\nMaria;{profile(name)}\nAna;\n"
    answer = company.api.post(f"/v1/campaigns/{where}/leads", content=content, headers={"Content-Type": "text/csv"})
    assert [row["result"] for row in answer.raise_for_status().json()["results"]] == ["added", "invalid"]
    (lead,) = leads(company, where)
    assert (lead["first_name"], lead["linkedin_url"], lead["custom"]) == ("Maria", profile(name), {})


def test_a_sequence_comes_back_as_it_was_set(company: Company) -> None:
    path = f"/v1/campaigns/{campaign(company)}/sequence"
    put = company.api.put(path, json={"steps": STEPS}).raise_for_status().json()["steps"]
    assert put == company.api.get(path).json()["steps"]
    assert [{name: step[name] for name in given} for step, given in zip(put, STEPS, strict=True)] == STEPS
    assert (put[0]["subject"], put[0]["body"]) == ("", "")


@pytest.mark.parametrize(
    ("capability", "steps", "pointer", "code"),
    [
        ("linkedin_outreach", [*STEPS, EMAIL], "/steps/5/type", "step_type_not_supported"),
        ("email_outreach", [EMAIL, STEPS[0]], "/steps/1/type", "step_type_not_supported"),
        ("linkedin_outreach", [STEPS[1], STEPS[1]], "", "second_invitation"),
        ("linkedin_outreach", [{**STEPS[1], "body": "x" * 301}], "/steps/0/body", "too_long"),
        ("linkedin_outreach", [{**STEPS[2], "body": " "}], "/steps/0/body", "blank"),
        ("linkedin_outreach", [{**STEPS[2], "body": "{{nickname}}"}], "/steps/0/body", "unknown_variable"),
        ("linkedin_outreach", [{**STEPS[2], "delay_days": 101}], "/steps/0/delay_days", "less_than_equal"),
        ("linkedin_outreach", [{**STEPS[3], "subject": ""}], "/steps/0/subject", "blank"),
        ("linkedin_outreach", [{**STEPS[0], "body": "Hi"}], "/steps/0/body", "extra_forbidden"),
        ("linkedin_outreach", [{"type": "fax", "delay_days": 0}], "/steps/0", "union_tag_invalid"),
        ("linkedin_outreach", [{"delay_days": 0}], "/steps/0", "union_tag_not_found"),
    ],
)
def test_a_step_that_cannot_be_is_named(
    company: Company, capability: str, steps: list[dict[str, Any]], pointer: str, code: str
) -> None:
    answer = company.api.put(f"/v1/campaigns/{campaign(company, capability)}/sequence", json={"steps": steps})
    assert answer.status_code == 422
    assert {"pointer": pointer, "code": code} in answer.json()["errors"]
    assert "fax" not in answer.text


def test_capabilities_say_what_can_be_done_and_name_no_provider(engine: Engine) -> None:
    org = engine.new_organization()
    company = org.new_company()
    for capability, provider in (("email_outreach", "instantly"), ("linkedin_outreach", "heyreach")):
        path = f"/partner/v1/companies/{company.id}/entitlements/{capability}"
        org.api.put(path, json={"provider": provider}).raise_for_status()
    shown = {row["capability"]: row for row in company.api.get("/v1/capabilities").json()["data"]}
    assert shown["email_outreach"]["features"]["step_types"] == ["email"]
    assert {step["type"] for step in STEPS} == set(shown["linkedin_outreach"]["features"]["step_types"])
    assert "connection_request.accepted" in shown["linkedin_outreach"]["features"]["events"]
