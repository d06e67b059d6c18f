"""People a company does not contact: one spelling each, taken out of everything at once, and no other's business."""

import csv
import io
import json
from typing import Any

import pytest

from tests.api.answers import pointers, problem, random_id
from tests.engine import Company, Engine, Organization, add_leads, addresses, draft, start, wait_for


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
    assert (first.json()["kind"], first.json()["value"], first.json()["source"]) == (kind, given.strip(), "manual")
    assert company.api.get(f"/v1/suppressions/{first.json()['id']}").json() == first.json()


def test_who_waits_is_taken_out_by_address_and_by_domain(company: Company) -> None:
    campaign = draft(company)
    waiting = addresses(2)
    mark = waiting[0].split(".")[1].split("@")[0]
    domain = f"{mark}.example.org"
    add_leads(company, campaign, [*waiting, f"one@{domain}", f"two@{domain.upper()}"])
    suppress(company, email=waiting[0].upper())
    suppress(company, domain=domain)
    out = ("stopped", "suppressed")
    expected = {
        waiting[0]: out, waiting[1]: ("queued", "pending"), f"one@{domain}": out, f"two@{domain.upper()}": out,
    }  # fmt: skip
    wait_for("both to be marked", lambda: states(company, campaign) == expected)
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
    wait_for(
        "the one who was handed over to be marked",
        lambda: states(company, campaign)[after][0] not in ("queued", "active"),
    )

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
    wait_for("the mark", lambda: states(company, campaign)[email] == ("stopped", "suppressed"))
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
        {"domain": "https://b.example@/"}, {"domain": "b .example"}, {"domain": "co.uk"}, {"domain": "*.com"},
        {"domain": "10.0.0.1"}, {"domain": "*"}, {"domain": "b.*.example"}, {"email": "*@co.uk"},
        {"email": "jo*@b.example"},
        {"email": "Ann <ann@h.example>, Bob <bob@h.example>"}, {"domain": "a.example / b.example"},
        {"domain": "a.example,b.example"}, {"linkedin_url": "https://linkedin.com/in/one-1, https://linkedin.com/in/two-2"},
        {"email": "a@b.example", "source_at": "0001-01-01T00:00:00Z"},
        {"email": "+x@b.example",
        "include_plus_tags": True},
        {"email": "mailto:"}, {"email": "<>"}, {"linkedin_url": "https://notlinkedin.com/in/x"}, {"linkedin_url": "https://example.com/in/x"},
        {"linkedin_url": "linkedin.com/in/"}, {"linkedin_url": "linkedin.com/company/x"}, {"email": "a@" + "b" * 500},
        {"email": 7}, {"email": ["a@b.example"]}, {"email": "a\0@b.example"}, {"domain": "\ud800.example"},
        {"email": "a@b.example", "org_id": random_id()}, {"email": "a@b.example", "source": "unsubscribed"},
        {"email": "a@b.example", "company_id": "x"}, {"linkedin_url": "linkedin.com/in/\x85"},
    ],
)  # fmt: skip
def test_what_names_no_lead_clearly_is_refused(body: dict[str, Any], company: Company) -> None:
    headers = {"Content-Type": "application/json"}
    document = problem(company.api.post("/v1/suppressions", content=json.dumps(body), headers=headers), 422)
    assert pointers(document) != [], document


# Entries are repaired, or refused ------------------------------------------------------------------------------------

JSON = {"Content-Type": "application/json"}
REPAIRED = {
    "domain": ["www.{0}", "*.{0}", ".{0}", "http:{0}", "https://{0}/about?x=1", "{0}:443", "{0}.", "@{0}", "<{0}>",
               "{0},",                "HTTPS://WWW.{0}/", "*@{0}", '"{0}"'],
    "email": ["mailto:one@{0}", "<one@{0}>", "one@{0},", "*@{0}", "@{0}", "One <one@{0}>", "ONE@{0};", "'one@{0}'",
              "mailto:one@{0}?subject=Hi", "one@www.{0}", "one@{0}."],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "form"), [(kind, form) for kind, forms in REPAIRED.items() for form in forms])
def test_an_entry_matches_however_it_is_written(company: Company, kind: str, form: str) -> None:
    domain = f"{addresses(1)[0].split('.')[1].split('@')[0]}.example"
    suppress(company, **{kind: form.format(domain)})
    assert add_leads(company, draft(company), [f"one@{domain}"])["results"][0]["result"] == "suppressed"


SPELLINGS = [
    ({"email": "info@xn--mller-{0}.example"}, {"email": "info@xn--mller-{0}.example"}),
    ({"email": "info@müller.{0}.example"}, {"email": "info@xn--mller-kva.{0}.example"}),
    ({"email": "info@xn--mller-kva.{0}.example"}, {"email": "INFO@MÜLLER.{0}.example"}),
    ({"domain": "müller.{0}.example"}, {"email": "info@xn--mller-kva.{0}.example"}),
    ({"domain": "xn--mller-kva.{0}.example"}, {"email": "info@mu\u0308ller.{0}.example"}),
    ({"domain": "{0}.example"}, {"email": "info@mail.sub.{0}.example"}),
]  # fmt: skip


@pytest.mark.parametrize(("listed", "person"), SPELLINGS[1:])
def test_an_entry_covers_every_spelling(company: Company, listed: dict[str, str], person: dict[str, str]) -> None:
    mark = addresses(1)[0].split(".")[1].split("@")[0]
    suppress(company, **{kind: value.format(mark) for kind, value in listed.items()})
    added = add_leads(company, draft(company), [person["email"].format(mark)])
    assert added["results"][0]["result"] == "suppressed"


def test_a_domain_without_its_subdomains_and_an_address_with_its_tags(company: Company) -> None:
    mark = addresses(1)[0].split(".")[1].split("@")[0]
    only = suppress(company, domain=f"{mark}.example", include_subdomains=False)
    tags = suppress(company, email=f"jo+x@{mark}.test.example", include_plus_tags=True)
    assert (only["include_subdomains"], only["include_plus_tags"]) == (False, None)
    assert (tags["include_subdomains"], tags["include_plus_tags"]) == (None, True)
    people = [f"a@{mark}.example", f"a@sub.{mark}.example", f"jo@{mark}.test.example", f"jo+y@{mark}.test.example",
              f"joe@{mark}.test.example"]  # fmt: skip
    results = [row["result"] for row in add_leads(company, draft(company), people)["results"]]
    assert results == ["suppressed", "added", "suppressed", "suppressed", "added"]
    again = suppress(company, domain=f"{mark}.example")
    assert (again["id"], again["include_subdomains"]) == (only["id"], True), "who asks for more gets more"
    assert add_leads(company, draft(company), [f"b@sub.{mark}.example"])["results"][0]["result"] == "suppressed"


# Many at once, and back -----------------------------------------------------------------------------------------------


def bulk(company: Company, content: str, kind: str) -> dict[str, Any]:
    answer = company.api.post("/v1/suppressions", content=content.encode(), headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_many_are_judged_each_by_itself_in_three_forms(company: Company) -> None:
    mark = addresses(1)[0].split(".")[1].split("@")[0]
    good = [{"email": f"one@{mark}.example"}, {"domain": f"www.{mark}.example"}, {"email": f"ONE@{mark}.example"}]
    bad = [{"domain": "com"}, {"email": "x"}, {"email": "a@b.example", "domain": "b.example"}, {"strange": 1}, 7]
    made = company.api.post("/v1/suppressions", json={"suppressions": [*good, *bad]}).raise_for_status().json()
    assert made["counts"] == {"received": 8, "added": 2, "known": 1, "invalid": 5}
    assert [row["reason"] for row in made["results"]][3:] == [
        "public_suffix", "invalid_email", "exactly_one", "unknown_field", "invalid_entry",
    ]  # fmt: skip
    assert made["results"][0]["suppression_id"] == made["results"][2]["suppression_id"] is not None
    lines = "\n".join(json.dumps(row) for row in good)
    assert bulk(company, lines + "\nnot json\n", "application/x-ndjson")["counts"]["known"] == 3
    file = f"Value;Since\nthree@{mark}.example;2024-05-01\n*.{mark}.example;\nhttps://www.linkedin.com/in/{mark};\nnobody;\n"
    answer = bulk(company, file, "text/csv")
    assert [row["result"] for row in answer["results"]] == ["added", "known", "added", "invalid"]
    row = company.api.get(f"/v1/suppressions/{answer['results'][0]['suppression_id']}").json()
    assert (row["source"], row["source_at"][:10]) == ("import", "2024-05-01")


def test_ten_thousand_fit_and_one_more_does_not(company: Company) -> None:
    mark = addresses(1)[0].split(".")[1].split("@")[0]
    rows = [f"p{n}@{mark}.example" for n in range(10_001)]
    refused = company.api.post(
        "/v1/suppressions", content="\n".join(["email", *rows]), headers={"Content-Type": "text/csv"}
    )
    problem(refused, 413, "too_large")
    assert bulk(company, "\n".join(["email", *rows[:-1]]), "text/csv")["counts"]["added"] == 10_000


def test_a_list_is_exported_as_it_can_be_sent_back(engine: Engine) -> None:
    company, other = engine.new_organization().new_company(), engine.new_organization().new_company()
    suppress(company, email="one@export.example", include_plus_tags=True)
    suppress(company, domain="export.example", include_subdomains=False)
    suppress(company, linkedin_url="https://www.linkedin.com/in/rené-export")
    answer = company.api.get("/v1/suppressions/export")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["kind"], row["value"]) for row in rows] == [
        ("email", "one@export.example"), ("domain", "export.example"),
        ("linkedin_url", "https://www.linkedin.com/in/rené-export"),
    ]  # fmt: skip
    assert bulk(other, answer.text, "text/csv")["counts"]["added"] == 3
    kept = {row["kind"]: row for row in other.api.get("/v1/suppressions").json()["data"]}
    assert (kept["domain"]["include_subdomains"], kept["email"]["include_plus_tags"]) == (False, True)


def test_what_one_row_says_costs_no_other(company: Company) -> None:
    mark = addresses(1)[0].split(".")[1].split("@")[0]
    rows = [{"email": f"a@{mark}.example"}, {"email": f"b@{mark}.example", "source_at": "2026-01-01T00:00:00+16:00"}]
    made = company.api.post("/v1/suppressions", json={"suppressions": rows}).raise_for_status().json()
    assert made["counts"]["added"] == 2
    problem(company.api.post("/v1/suppressions", content=b'{"suppressions": [], "\\ud800": 1}', headers=JSON), 422)
    wider = [{"email": f"m@{mark}.example"}, {"email": f"m+x@{mark}.example", "include_plus_tags": True}]
    wider += [{"domain": f"n.{mark}.example", "include_subdomains": False}, {"domain": f"*.n.{mark}.example"}]
    company.api.post("/v1/suppressions", json={"suppressions": wider}).raise_for_status()
    people = [f"m+x@{mark}.example", f"a@x.n.{mark}.example", f"'a@{mark}.example"]
    assert {row["result"] for row in add_leads(company, draft(company), people)["results"]} == {"suppressed"}
    found = company.api.get("/v1/suppressions", params={"value": f"m+x@{mark}.example"}).json()["data"]
    assert [row["value"] for row in found] == [f"m@{mark}.example"]
    file = f"email,e-mail\nc@{mark}.example,d@{mark}.example\n"
    assert bulk(company, file, "text/csv")["results"][0]["reason"] == "exactly_one"


# Three levels --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def organization(engine: Engine) -> Organization:
    return engine.new_organization()


def test_an_organizations_list_binds_all_its_companies_and_shows_in_none(organization: Organization) -> None:
    one, two = organization.connected_company("One"), organization.connected_company("Two")
    domain = f"{addresses(1)[0].split('.')[1].split('@')[0]}.example"
    made = organization.api.post("/partner/v1/suppressions", json={"domain": f"*.{domain}"})
    assert (made.status_code, made.json()["company_id"]) == (201, None)
    path = f"/partner/v1/suppressions/{made.json()['id']}"
    for company in (one, two):
        assert add_leads(company, draft(company), [f"a@{domain}"])["results"][0]["result"] == "suppressed"
        assert company.api.get("/v1/suppressions").json()["data"] == []
        problem(company.api.get(path.removeprefix("/partner")), 404, "not_found")
        problem(company.api.get(path), 404, "not_found")
        problem(company.api.post("/partner/v1/suppressions", json={"domain": domain}), 404, "not_found")
    assert made.json()["id"] in {row["id"] for row in organization.api.get("/partner/v1/suppressions").json()["data"]}
    assert organization.api.get("/v1/suppressions").json()["data"] == []
    assert domain in organization.api.get("/partner/v1/suppressions/export").text
    assert organization.api.delete(path).status_code == 204
    assert add_leads(one, draft(one), [f"a@{domain}"])["results"][0]["result"] == "added"


def test_an_organizations_entry_stops_those_who_wait(organization: Organization) -> None:
    company = organization.connected_company("Three")
    campaign, (email,) = draft(company), addresses(1)
    add_leads(company, campaign, [email])
    organization.api.post("/partner/v1/suppressions", json={"email": email}).raise_for_status()
    wait_for("the mark", lambda: states(company, campaign)[email] == ("stopped", "suppressed"))


# Whether, and why ----------------------------------------------------------------------------------------------------


def test_contactability_says_whether_and_what_the_company_itself_knows(organization: Organization) -> None:
    company = organization.connected_company("Four")
    campaign, emails = draft(company), addresses(3)
    leads = {row["email"]: row["lead_id"] for row in add_leads(company, campaign, emails)["results"]}

    def verdict(email: str) -> tuple[bool, list[str]]:
        body = company.api.get(f"/v1/leads/{leads[email]}/contactability").raise_for_status().json()
        return body["contactable"], [reason["code"] for reason in body["reasons"]]

    assert verdict(emails[0]) == (True, ["in_campaign"])
    entry = suppress(company, email=emails[0])
    wait_for("the mark", lambda: states(company, campaign)[emails[0]][0] == "stopped")
    body = company.api.get(f"/v1/leads/{leads[emails[0]]}/contactability").json()
    assert (body["contactable"], [reason["suppression_id"] for reason in body["reasons"]]) == (False, [entry["id"]])
    organization.api.post("/partner/v1/suppressions", json={"email": emails[1]}).raise_for_status()
    wait_for("the mark", lambda: states(company, campaign)[emails[1]][0] == "stopped")
    assert verdict(emails[1]) == (False, []), "whose list it is, nobody says"
    assert verdict(emails[2]) == (True, ["in_campaign"])
    stranger = organization.new_company("Five")
    problem(stranger.api.get(f"/v1/leads/{leads[emails[2]]}/contactability"), 404, "not_found")
