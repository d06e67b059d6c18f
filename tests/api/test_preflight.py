"""What stands against starting a campaign, and what a sender should know before: each fault by itself."""

from typing import Any

import httpx
import pytest

from tests.api.answers import pointers, problem, without_autoplay
from tests.engine import Company, Engine, Organization, addresses, draft, wait_for

LINK = "{{unsubscribe_link}}"
ADDRESS = "Acme Ltd, 1 High Street, Lisbon"


@pytest.fixture(scope="module")
def org(engine: Engine) -> Organization:
    return engine.new_organization()


@pytest.fixture(scope="module")
def company(org: Organization) -> Company:
    made = org.connected_company()
    made.api.patch("/v1/company", json={"postal_address": ADDRESS}).raise_for_status()
    return made


def mail(body: str = f"Hi {LINK}\n\n{ADDRESS}", **more: Any) -> dict[str, Any]:
    return {"type": "email", "delay_days": 0, "subject": "Hello", "body": body, **more}


def ready(company: Company, *steps: dict[str, Any], leads: int = 1, **settings: Any) -> str:
    """Make a campaign that nothing stands against, but for what is given otherwise."""
    campaign = draft(company, leads=leads)
    path = f"/v1/campaigns/{campaign}"
    company.api.put(f"{path}/sequence", json={"steps": list(steps) or [mail()]}).raise_for_status()
    company.api.patch(path, json={"settings": settings}).raise_for_status()
    return campaign


def judged(company: Company, campaign: str) -> dict[str, Any]:
    return company.api.post(f"/v1/campaigns/{campaign}/preflight").raise_for_status().json()


def codes(findings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["code"], row["pointer"]) for row in findings]


def test_a_campaign_that_lacks_nothing_is_ready(company: Company) -> None:
    assert judged(company, ready(company)) == {"ready": True, "errors": [], "warnings": []}


def test_what_is_refused_is_what_the_preflight_lists(company: Company) -> None:
    campaign = company.api.post("/v1/campaigns", json={"name": "Bare", "capability": "email_outreach"}).json()["id"]
    found = judged(company, campaign)
    assert not found["ready"]
    document = problem(company.api.post(f"/v1/campaigns/{campaign}/start"), 409, "campaign_not_ready")
    assert document["errors"] == found["errors"]
    assert {code for code, _ in codes(found["errors"])} == {"sequence_missing", "senders_missing", "leads_missing"}
    assert all(row["detail"] for row in found["errors"])


@pytest.mark.parametrize(
    ("settings", "body", "error", "warning"),
    [
        ({"unsubscribe": "link"}, f"Hi {ADDRESS}", "unsubscribe_missing", None),
        ({"unsubscribe": "link"}, f"Hi {LINK} {ADDRESS}", None, None),
        ({"unsubscribe": "header"}, f"Hi {ADDRESS}", None, None),
        ({"unsubscribe": "both"}, f"Hi {ADDRESS}", None, "unsubscribe_link_missing"),
        ({}, f"Hi {LINK}", None, "postal_address_missing"),
        ({}, f"Hi {{{{last_name}}}} {LINK} {ADDRESS}", None, "variable_missing"),
        ({}, f"Hi {{{{last_name|you}}}} {LINK} {ADDRESS}", None, None),
        ({}, f"Hi {{{{custom.team}}}} {LINK} {ADDRESS}", None, "variable_missing"),
        (
            {}, " ".join(f"{{{{custom.v{n}|x}}}}" for n in range(21)) + f" {LINK} {ADDRESS}", None,
            "too_many_variables",
        ),
    ],
)  # fmt: skip
def test_each_fault_is_found_by_itself(
    settings: dict[str, Any], body: str, error: str | None, warning: str | None, company: Company
) -> None:
    campaign = ready(company, mail(body), **settings)
    found = judged(company, campaign)
    assert [code for code, _ in codes(found["errors"])] == ([error] if error else [])
    assert [code for code, _ in codes(found["warnings"])] == ([warning] if warning else [])
    started = company.api.post(f"/v1/campaigns/{campaign}/start")
    assert started.status_code == (409 if error else 202)


def test_no_way_to_unsubscribe_is_for_the_partner_to_allow(org: Organization, company: Company) -> None:
    campaign = ready(company)
    path = f"/v1/campaigns/{campaign}"
    refused = company.api.patch(path, json={"settings": {"unsubscribe": "none"}})
    assert pointers(problem(refused, 422, "unsubscribe_required")) == [
        ("/settings/unsubscribe", "unsubscribe_required")
    ]
    problem(company.api.patch("/v1/company", json={"may_omit_unsubscribe": True}), 422)
    partner = f"/partner/v1/companies/{company.id}"
    assert org.api.patch(partner, json={"may_omit_unsubscribe": True}).json()["may_omit_unsubscribe"] is True
    try:
        company.api.patch(path, json={"settings": {"unsubscribe": "none"}}).raise_for_status()
        company.api.put(f"{path}/sequence", json={"steps": [mail(ADDRESS)]}).raise_for_status()
        assert judged(company, campaign)["ready"]
    finally:
        org.api.patch(partner, json={"may_omit_unsubscribe": False}).raise_for_status()
    assert codes(judged(company, campaign)["errors"]) == [("unsubscribe_required", "/settings/unsubscribe")]


def test_a_running_campaign_keeps_a_way_to_unsubscribe(engine: Engine, company: Company) -> None:
    campaign = ready(company, mail(ADDRESS))
    path = f"/v1/campaigns/{campaign}"
    with without_autoplay(engine):
        company.api.post(f"{path}/start").raise_for_status()
        refused = company.api.patch(path, json={"settings": {"unsubscribe": "link", "plain_text": True}})
        problem(refused, 409, "campaign_not_ready")
        kept = company.api.get(path).json()["settings"]
        assert (kept["unsubscribe"], kept["plain_text"]) == ("both", False)
        company.api.post(f"{path}/pause").raise_for_status()


def test_a_partner_may_require_a_postal_address(engine: Engine) -> None:
    org = engine.new_organization()
    company = org.connected_company()
    campaign = ready(company)
    assert codes(judged(company, campaign)["warnings"]) == [("postal_address_missing", "/company/postal_address")]
    assert org.api.patch("/partner/v1/organization", json={"require_postal_address": True}).is_success
    assert codes(judged(company, campaign)["errors"]) == [("postal_address_missing", "/company/postal_address")]
    company.api.patch("/v1/company", json={"postal_address": "ACME  Ltd., 1 High Street  Lisbon"}).raise_for_status()
    assert judged(company, campaign)["ready"]


def test_a_note_for_free_seats_is_short(engine: Engine) -> None:
    company = engine.new_organization().new_company()
    body = {"name": "On LinkedIn", "capability": "linkedin_outreach"}
    campaign = company.api.post("/v1/campaigns", json=body).raise_for_status().json()["id"]
    for length, warned in ((200, []), (201, [("note_too_long_for_free_seats", "/sequence/steps/0/body")])):
        steps = [{"type": "connection_request", "delay_days": 0, "body": "x" * length}]
        company.api.put(f"/v1/campaigns/{campaign}/sequence", json={"steps": steps}).raise_for_status()
        assert codes(judged(company, campaign)["warnings"]) == warned


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{Hi|Hello}", "foreign_template_sign"), ("<p>Hi [[name]]</p>", "foreign_template_sign"),
        ("%first_name%", "foreign_template_sign"), ("${name}", "foreign_template_sign"),
        ("{% if x %}", "foreign_template_sign"), ("&lt;&lt;name&gt;&gt; <br>", "foreign_template_sign"),
        ("{Hi {{first_name}}|Hello}", "foreign_template_sign"), ("<p></p>", "blank"), ("<p>&nbsp;</p>", "blank"),
        ("<style>p{x:y}</style>", "blank"), ("<script>x</script>", "blank"), ("<div>" * 200, "too_nested"),
        ("{{nickname}}", "unknown_variable"), ("{{first_name|a|b}}", "unknown_variable"),
        ("<p>{<!-- -->{foo bar}<!-- -->}</p>", "unknown_variable"),
    ],
)  # fmt: skip
def test_what_would_not_arrive_as_written_is_refused_where_it_is_set(body: str, code: str, company: Company) -> None:
    path = f"/v1/campaigns/{draft(company)}/sequence"
    answer = company.api.put(path, json={"steps": [mail(body)]})
    assert pointers(problem(answer, 422)) == [("/steps/0/body", code)]


def test_a_subject_is_one_line(company: Company) -> None:
    path = f"/v1/campaigns/{draft(company)}/sequence"
    answer = company.api.put(path, json={"steps": [mail(subject="Hi\r\nBcc: other@d07.example")]})
    assert pointers(problem(answer, 422)) == [("/steps/0/subject", "line_break")]


@pytest.mark.parametrize("name", ["localtime", "Factory", "posixrules", "Mars/Olympus"])
def test_a_zone_of_no_place_is_refused(name: str, company: Company) -> None:
    body = {"name": "x", "capability": "email_outreach", "schedule": {"timezone": name}}
    answer = company.api.post("/v1/campaigns", json=body)
    assert pointers(problem(answer, 422)) == [("/schedule/timezone", "unknown_timezone")]


def second(engine: Engine) -> Company:
    """Return a company whose channel takes some time zones only."""
    org = engine.new_organization()
    company = org.new_company()
    path = f"/partner/v1/companies/{company.id}/entitlements/email_outreach"
    org.api.put(path, json={"provider": "instantly"}).raise_for_status()
    return company


def test_hours_that_cannot_be_kept_are_refused_with_zones_that_would_do(engine: Engine) -> None:
    company = second(engine)
    body = {"name": "x", "capability": "email_outreach", "schedule": {"timezone": "America/Los_Angeles"}}
    made = company.api.post("/v1/campaigns", json=body)
    assert made.status_code == 201
    assert made.json()["schedule"]["timezone"] == "America/Los_Angeles"
    path = f"/v1/campaigns/{made.json()['id']}"
    document = problem(company.api.patch(path, json={"schedule": {"start": "00:10", "end": "23:50"}}), 422)
    assert pointers(document) == [("/schedule/timezone", "timezone_not_kept")]
    assert "America/Anchorage" in document["detail"] or "America/Boise" in document["detail"]
    assert company.api.get(path).json()["schedule"]["start"] == "09:00"


def test_a_fallback_is_not_added_once_people_were_handed_over(engine: Engine, company: Company) -> None:
    campaign = ready(company, mail(f"Hi {{{{first_name|you}}}} {LINK}"))
    path = f"/v1/campaigns/{campaign}"
    with without_autoplay(engine):
        company.api.post(f"{path}/start").raise_for_status()
        wait_for("the hand-over", lambda: company.api.get(f"{path}/stats").json()["leads"]["pushed"] == 1)
        company.api.post(f"{path}/pause").raise_for_status()

        def put(body: str) -> httpx.Response:
            return company.api.put(f"{path}/sequence", json={"steps": [mail(body)]})

        problem(put(f"Hi {{{{first_name|friend}}}} {LINK}"), 409, "fallback_after_hand_over")
        assert put(f"Dear {{{{first_name|you}}}} {{{{custom.city}}}} {LINK}").status_code == 200


def test_who_was_written_to_lately_or_is_elsewhere_is_left_out(engine: Engine, company: Company) -> None:
    emails = addresses(3)
    with without_autoplay(engine):
        first = ready(company, leads=0)
        company.api.post(f"/v1/campaigns/{first}/leads", json={"leads": [{"email": emails[0]}]}).raise_for_status()
        company.api.post(f"/v1/campaigns/{first}/start").raise_for_status()
        stats = f"/v1/campaigns/{first}/stats"
        wait_for("the hand-over", lambda: company.api.get(stats).json()["leads"]["pushed"] == 1)
        waiting = ready(company, leads=0)
        company.api.post(f"/v1/campaigns/{waiting}/leads", json={"leads": [{"email": emails[1]}]}).raise_for_status()
        for settings, expected in (
            ({}, ["added", "added", "added"]),
            ({"skip_if_in_other_campaign": True}, ["in_other_campaign", "in_other_campaign", "added"]),
            ({"rest_days": 30}, ["contacted_recently", "added", "added"]),
        ):
            third = ready(company, leads=0, **settings)
            path = f"/v1/campaigns/{third}/leads"
            answer = company.api.post(path, json={"leads": [{"email": email} for email in emails]}).json()
            found = [row["reason"] or row["result"] for row in answer["results"]]
            assert found == expected
            assert answer["counts"]["skipped"] == sum(row != "added" for row in expected)
            again = company.api.post(path, json={"leads": [{"email": emails[2]}]}).json()
            assert again["results"][0]["result"] == "duplicate"
            company.api.post(f"/v1/campaigns/{third}/archive").raise_for_status()
