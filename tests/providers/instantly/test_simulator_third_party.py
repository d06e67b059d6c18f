"""What published clients of the provider call beyond what our own client does."""

from typing import Any

import pytest

from tests.providers.instantly.simulator_fixture import KEY, OTHER_KEY, Simulator, running, sim

__all__ = ["running", "sim"]
pytestmark = pytest.mark.compat

EVERY_ONE = (KEY, OTHER_KEY)


def workspace(sim: Simulator, key: str = KEY) -> dict[str, Any]:
    return sim.ask("GET", "/workspaces/current", key=key).json()


def test_what_is_done_through_the_api_is_logged(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.post(f"/campaigns/{campaign}/activate")
    sim.patch(f"/campaigns/{campaign}", {"name": "Q4"})
    hook = sim.hook("https://example.com/audit")
    sim.delete("/leads", {"campaign_id": campaign})
    rows = sim.get("/audit-logs", limit=4)["items"]
    assert [row["activity_type"] for row in rows] == [2, 18, 11, 4]
    assert [row.get("campaign_id") for row in rows] == [campaign, None, campaign, campaign]
    assert (rows[0]["organization_id"], rows[0]["from_api"]) == (workspace(sim)["id"], True)
    assert [row["webhook_id"] for row in rows if "webhook_id" in row] == []
    sim.patch(f"/webhooks/{hook}", {"name": "other"})
    changed = sim.get("/audit-logs", activity_type=19)["items"]
    assert [row["webhook_id"] for row in changed] == [hook]


def test_the_audit_log_has_pages_days_and_owners(sim: Simulator) -> None:
    campaign = sim.campaign()
    for name in ("A", "B", "C"):
        sim.patch(f"/campaigns/{campaign}", {"name": name})
    first = sim.get("/audit-logs", limit=2, search=campaign)
    rest = sim.get("/audit-logs", limit=1000, search=campaign, starting_after=first["next_starting_after"])
    assert (len(first["items"]), len(rest["items"])) == (2, 1)
    day = first["items"][0]["timestamp"][:10]
    assert len(sim.get("/audit-logs", search=campaign, start_date=day, end_date=day)["items"]) == 3
    assert sim.get("/audit-logs", search=campaign, end_date="2020-01-01") == {"items": []}
    assert sim.ask("GET", "/audit-logs", search=campaign, key=OTHER_KEY).json() == {"items": []}
    assert sim.ask("GET", "/audit-logs", limit=1001).status_code == 400


def test_a_refused_request_is_not_logged(sim: Simulator) -> None:
    before = sim.get("/audit-logs", limit=1)
    assert sim.ask("POST", "/webhooks", {"target_hook_url": "nowhere"}).status_code == 400
    assert sim.get("/audit-logs", limit=1) == before


def test_members_are_invited_changed_and_removed(sim: Simulator) -> None:
    made = sim.post("/workspace-members", {"email": "New@Member.com", "role": "editor", "nickname": "N"})
    assert (made["email"], made["role"], made["accepted"]) == ("new@member.com", "editor", False)
    again = sim.ask("POST", "/workspace-members", {"email": "new@member.com", "role": "view"})
    assert again.status_code == 400
    path = f"/workspace-members/{made['id']}"
    assert sim.patch(path, {"role": "admin"})["role"] == "admin"
    assert sim.get(path)["nickname"] == "N"
    assert sim.delete(path)["id"] == made["id"]
    assert sim.ask("GET", path).status_code == 404


@pytest.mark.parametrize("role", ["owner", "client"])
def test_some_roles_cannot_be_given(sim: Simulator, role: str) -> None:
    assert sim.ask("POST", "/workspace-members", {"email": "x@y.com", "role": role}).status_code == 400


def test_the_owner_changes_only_by_handing_over(sim: Simulator) -> None:
    owner = next(row for row in sim.get("/workspace-members")["items"] if row["role"] == "owner")
    assert sim.ask("DELETE", f"/workspace-members/{owner['id']}").status_code == 400
    assert sim.ask("PATCH", f"/workspace-members/{owner['id']}", {"role": "view"}).status_code == 400
    assert sim.patch(f"/workspace-members/{owner['id']}", {"nickname": "Boss"})["nickname"] == "Boss"
    heir = sim.post("/workspace-members", {"email": "heir@member.com", "role": "admin"})
    body = {"email": "heir@member.com", "sec": "123456"}
    assert sim.post("/workspaces/current/change-owner", body)["owner"] == heir["user_id"]
    assert sim.get(f"/workspace-members/{heir['id']}")["role"] == "owner"
    assert sim.post("/workspaces/current/change-owner", {**body, "email": owner["email"]})["owner"] == owner["user_id"]
    unknown = sim.ask("POST", "/workspaces/current/change-owner", {**body, "email": "no@body.com"})
    assert unknown.status_code == 404


def test_a_workspace_is_to_be_removed_and_then_not(sim: Simulator) -> None:
    path = "/workspaces/current/schedule-for-removal"
    assert sim.post(path)["scheduled_for_removal_at"] > workspace(sim)["timestamp_updated"]
    assert "scheduled_for_removal_at" not in sim.delete(path)


def test_a_workspace_has_a_domain_of_its_own(sim: Simulator) -> None:
    path = "/workspaces/current/whitelabel-domain"
    assert sim.get(path) == {"verified": False, "verification": []}
    assert sim.post(path, {"domain": "mail.acme.com"})["org_client_domain"] == "mail.acme.com"
    assert sim.get(path) == {"verified": True, "name": "mail.acme.com", "verification": []}
    assert "org_client_domain" not in sim.delete(path)


def test_the_plan_says_what_is_used(sim: Simulator) -> None:
    before = sim.get("/workspace-billing/plan-details")
    sim.add(sim.campaign(), "plan@third.com")
    after = sim.get("/workspace-billing/plan-details")
    assert after["organization_id"] == workspace(sim)["id"]
    counts = [plan["subscriptions"]["outreach"]["current_lead_count"] for plan in (before, after)]
    assert counts[1] == counts[0] + 1
    assert after["subscriptions"]["outreach"]["total_lead_limit"] == 25_000


def test_no_lead_has_a_phone_number(sim: Simulator) -> None:
    assert sim.get("/crm-actions/phone-numbers") == []
    missing = sim.ask("DELETE", f"/crm-actions/phone-numbers/{workspace(sim)['id']}")
    assert (missing.status_code, missing.json()["message"]) == (404, "Resource not found")


def test_a_reply_is_sorted_by_the_labels_made_for_it(sim: Simulator) -> None:
    path = "/lead-labels/ai-reply-label"
    assert sim.post(path, {"reply_text": "Tell me more"})["result"] == "Interested"
    assert sim.post(path, {"reply_text": "I am out of office"})["result"] == "Out of Office"
    label = {"label": "Send pricing", "interest_status_label": "positive", "use_with_ai": True}
    made = sim.post("/lead-labels", label)
    guess = sim.post(path, {"reply_text": "Please send pricing first"})
    assert guess == {"result": "Send pricing", "custom_labels_considered": ["Send pricing"]}
    sim.delete(f"/lead-labels/{made['id']}")


def test_one_workspace_looks_after_another(sim: Simulator) -> None:
    own, other = (workspace(sim, key) for key in EVERY_ONE)
    group = sim.post("/workspace-group-members", {"sub_workspace_id": other["id"]})
    assert (group["admin_workspace_id"], group["sub_workspace_name"]) == (own["id"], other["name"])
    assert [row["id"] for row in sim.get("/workspace-group-members")["items"]] == [group["id"]]
    assert sim.get("/workspace-group-members/admin")["has_admin_workspace"] is False
    led = sim.ask("GET", "/workspace-group-members/admin", key=OTHER_KEY).json()
    assert led == {
        "workspace_name": own["name"],
        "has_admin_workspace": True,
        "workspace_group_member_id": group["id"],
    }
    twice = sim.ask("POST", "/workspace-group-members", {"sub_workspace_id": other["id"]})
    assert (twice.status_code, twice.json()["error"]) == (409, "Conflict")
    turned = sim.ask("POST", "/workspace-group-members", {"sub_workspace_id": own["id"]}, key=OTHER_KEY)
    assert turned.status_code == 409
    move_there_and_back(sim, own["id"], other["id"])
    assert sim.delete(f"/workspace-group-members/{group['id']}")["id"] == group["id"]
    assert sim.ask("GET", f"/workspace-group-members/{group['id']}").status_code == 404


def move_there_and_back(sim: Simulator, own: str, other: str) -> None:
    email = sim.mailboxes()[0]
    there = {"emails": [email], "source_workspace_id": own, "destination_workspace_id": other}
    back = {"emails": [email], "source_workspace_id": other, "destination_workspace_id": own}
    assert sim.post("/accounts/move", there) == {"status": "success"}
    assert email not in sim.mailboxes()
    assert sim.ask("GET", f"/accounts/{email}", key=OTHER_KEY).json()["organization"] == other
    assert sim.ask("POST", "/accounts/move", there).status_code == 404
    assert sim.post("/accounts/move", back) == {"status": "success"}
    assert email in sim.mailboxes()


def test_mailboxes_do_not_move_to_strangers(sim: Simulator) -> None:
    body = {
        "emails": sim.mailboxes()[:1],
        "source_workspace_id": workspace(sim)["id"],
        "destination_workspace_id": workspace(sim, OTHER_KEY)["id"],
    }
    assert sim.ask("POST", "/accounts/move", body).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/inbox-placement-tests"),
        ("POST", "/inbox-placement-tests"),
        ("GET", "/inbox-placement-tests/email-service-provider-options"),
        ("POST", "/inbox-placement-analytics/stats-by-date"),
        ("GET", "/inbox-placement-reports"),
    ],
)
def test_inbox_placement_has_to_be_paid_for(sim: Simulator, method: str, path: str) -> None:
    answer = sim.ask(method, path, {} if method == "POST" else None)
    assert (answer.status_code, answer.json()["error"]) == (402, "Payment Required")


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_a_log_in_elsewhere_waits_and_runs_out(sim: Simulator, provider: str) -> None:
    opened = sim.post(f"/oauth/{provider}/init")
    assert opened["session_id"] in opened["auth_url"]
    path = f"/oauth/session/status/{opened['session_id']}"
    assert sim.get(path) == {"status": "pending"}
    assert sim.ask("GET", path, key=OTHER_KEY).json() == {"status": "expired"}
    sim.clock(advance=601)
    assert sim.get(path) == {"status": "expired"}
