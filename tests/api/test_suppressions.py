"""People a company does not contact: one spelling each, taken out of everything at once, and no other's business."""

from typing import Any

import pytest

from tests.api.answers import pointers, problem, random_id
from tests.engine import Company, Engine, add_leads, addresses, draft, start, wait_for


@pytest.fixture(scope="module")
def company(engine: Engine) -> Company:
    return engine.new_organization().connected_company()


def suppress(company: Company, **body: Any) -> dict[str, Any]:
    answer = company.api.post("/v1/suppressions", json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def states(company: Company, campaign: str) -> dict[str, tuple[str, str]]:
    rows = company.api.get(f"/v1/campaigns/{campaign}/leads", params={"limit": 200}).raise_for_status().json()["data"]
    return {row["email"]: (row["status"], row["push"]["state"]) for row in rows}


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("email", "  Maria@Northwind.Example ", "maria@northwind.example"),
        ("domain", "Northwind.Example", "northwind.example"),
        ("linkedin_url", "https://www.LinkedIn.com/in/Maria-Silva/?utm=1", "linkedin.com/in/maria-silva"),
        ("linkedin_url", "linkedin.com/in/ACoAAB12Xy", "linkedin.com/in/ACoAAB12Xy"),
    ],
)
def test_a_suppression_is_kept_in_one_spelling_and_made_once(
    kind: str, given: str, value: str, company: Company
) -> None:
    first = company.api.post("/v1/suppressions", json={kind: given})
    again = company.api.post("/v1/suppressions", json={kind: value})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert (first.json()["kind"], first.json()["value"], first.json()["source"]) == (kind, value, "manual")
    assert company.api.get(f"/v1/suppressions/{first.json()['id']}").json() == first.json()


def test_who_waits_is_taken_out_at_once_by_address_and_by_domain(company: Company) -> None:
    campaign = draft(company)
    waiting = addresses(2)
    mark = waiting[0].split(".")[1].split("@")[0]
    domain = f"{mark}.example.org"
    add_leads(company, campaign, [*waiting, f"one@{domain}", f"two@{domain.upper()}"])
    suppress(company, email=waiting[0].upper())
    suppress(company, domain=domain)
    out = ("stopped", "suppressed")
    assert states(company, campaign) == {
        waiting[0]: out, waiting[1]: ("queued", "pending"), f"one@{domain}": out, f"two@{domain.upper()}": out,
    }  # fmt: skip
    counts = company.api.get(f"/v1/campaigns/{campaign}/stats").json()["leads"]
    assert (counts["pending"], counts["suppressed"], counts["total"]) == (1, 3, 4)


def test_a_suppressed_person_is_never_handed_over_and_one_who_was_is_stopped(company: Company, engine: Engine) -> None:
    campaign = draft(company)
    before, after, free = addresses(3)
    add_leads(company, campaign, [before, after, free])
    suppress(company, email=before)
    start(company, campaign)
    suppress(company, email=after)

    def ledger() -> dict[str, str]:
        with engine.control as control:
            return {row["email"]: row["effect"] for row in control.get("/ledger").json()}

    shown = ledger()
    assert before not in shown
    assert shown[after] == shown[free] == "added"
    assert states(company, campaign)[after][0] == "stopped"

    def stopped_there() -> bool:
        with engine.control as control:
            for theirs in control.get("/campaigns").json():
                for lead in control.get(f"/campaigns/{theirs['id']}/leads").json():
                    if lead["email"] == after:
                        return lead["is_unsubscribed"] or lead["status"] in ("PAUSED", "STOPPED", "BLOCKED")
        return False

    wait_for("the provider's stop", stopped_there)


def test_one_companys_list_is_not_anothers(engine: Engine) -> None:
    organization = engine.new_organization()
    mine, other = organization.connected_company("A"), organization.connected_company("B")
    email = addresses(1)[0]
    made = suppress(mine, email=email)
    assert other.api.get("/v1/suppressions").json()["data"] == []
    problem(other.api.delete(f"/v1/suppressions/{made['id']}"), 404, "not_found")
    assert add_leads(other, draft(other), [email])["counts"]["added"] == 1
    assert suppress(other, email=email)["id"] != made["id"]
    listed = organization.api.get("/v1/suppressions").json()["data"]
    assert {row["company_id"] for row in listed} == {mine.id, other.id}


def test_a_partner_names_the_company_it_suppresses_for(engine: Engine) -> None:
    organization = engine.new_organization()
    company = organization.new_company()
    email = addresses(1)[0]
    refused = problem(organization.api.post("/v1/suppressions", json={"email": email}), 422, "company_id_required")
    assert pointers(refused) == [("/company_id", "missing")]
    body = {"email": email, "company_id": company.id}
    assert organization.api.post("/v1/suppressions", json=body).json()["company_id"] == company.id
    assert company.api.post("/v1/suppressions", json=body).status_code == 200


def test_deleting_one_allows_contact_again_and_brings_no_lead_back(company: Company) -> None:
    campaign = draft(company)
    email = addresses(1)[0]
    add_leads(company, campaign, [email])
    made = suppress(company, email=email)
    answer = company.api.delete(f"/v1/suppressions/{made['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    for request in ("GET", "DELETE"):
        problem(company.api.request(request, f"/v1/suppressions/{made['id']}"), 404, "not_found")
    assert states(company, campaign)[email] == ("stopped", "suppressed")
    assert add_leads(company, draft(company), [email])["counts"]["added"] == 1
    assert suppress(company, email=email)["id"] != made["id"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"email": None}, {"email": "a@b.example", "domain": "b.example"}, {"email": ""}, {"email": "nobody"},
        {"email": "a b@c.example"}, {"email": "a@b@c.example"}, {"domain": "a@b.example"}, {"domain": "nodot"},
        {"domain": "https://b.example/"}, {"domain": "b .example"}, {"linkedin_url": "https://example.com/in/x"},
        {"linkedin_url": "linkedin.com/in/"}, {"linkedin_url": "linkedin.com/company/x"}, {"email": "a@" + "b" * 500},
        {"email": 7}, {"email": ["a@b.example"]}, {"email": "a\0@b.example"}, {"domain": "\ud800.example"},
        {"email": "a@b.example", "org_id": random_id()}, {"email": "a@b.example", "source": "unsubscribed"},
        {"email": "a@b.example", "company_id": "x"}, {"linkedin_url": "linkedin.com/in/\x85"},
    ],
)  # fmt: skip
def test_what_names_no_lead_clearly_is_refused(body: dict[str, Any], company: Company) -> None:
    import json  # noqa: PLC0415

    headers = {"Content-Type": "application/json"}
    document = problem(company.api.post("/v1/suppressions", content=json.dumps(body), headers=headers), 422)
    assert pointers(document) != [], document
