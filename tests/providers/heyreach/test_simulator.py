"""What every request to the simulator meets: keys, budgets, routes, envelopes, pages, and the controls."""

from collections.abc import Callable

import pytest

from tests.providers.heyreach.simulator_fixture import KEY, OTHER_KEY, Simulator, own, shared, sim

__all__ = ["own", "shared", "sim"]


def test_a_key_is_required(sim: Simulator) -> None:
    good = sim.ask("GET", "/auth/CheckApiKey")
    assert (good.status_code, good.content) == (200, b"")
    assert sim.ask("GET", "/auth/CheckApiKey", key="wrong").status_code == 401
    assert sim.ask("GET", "/auth/CheckApiKey", key=None).status_code == 401
    bearer = sim.client.get("/api/public/auth/CheckApiKey", headers={"Authorization": f"Bearer {KEY}"})
    assert bearer.status_code == 401


@pytest.mark.parametrize("kind", ["deleted", "mcp"])
def test_a_key_can_be_deleted_or_of_the_wrong_kind(sim: Simulator, kind: str) -> None:
    sim.set(keys={KEY: kind}, unauthorized_body='{"errorMessage":"no"}')
    refused = sim.ask("GET", "/auth/CheckApiKey")
    assert (refused.status_code, refused.json()) == (401, {"errorMessage": "no"})
    assert sim.ask("GET", "/auth/CheckApiKey", key=OTHER_KEY).status_code == 200


def test_each_key_is_a_workspace_with_three_seats_of_its_own(sim: Simulator, own: Callable[..., Simulator]) -> None:
    seats = sim.post("/li_account/GetAll")
    assert seats["totalCount"] == 3
    others = sim.post("/li_account/GetAll", key=OTHER_KEY)["items"]
    assert {seat["id"] for seat in seats["items"]}.isdisjoint(seat["id"] for seat in others)
    first = seats["items"][0]
    assert sim.ask("GET", "/li_account/GetById", accountId=first["id"], key=OTHER_KEY).status_code == 404
    again = own(api_keys=[KEY]).post("/li_account/GetAll")["items"]
    assert [seat["profileUrl"] for seat in again] == [seat["profileUrl"] for seat in seats["items"]]
    assert {"connectioRequestLimit", "connectioRequestMax"} <= first["accountLimits"].keys()
    assert first["authIsValid"] is True
    assert sim.get("/li_account/GetById", accountId=first["id"]) == first


def test_the_budget_ends_in_429(own: Callable[..., Simulator]) -> None:
    sim = own(rate_limit="2/60")
    sim.clock(speed=0)
    statuses = [sim.ask("GET", "/auth/CheckApiKey").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert sim.ask("GET", "/auth/CheckApiKey", key=OTHER_KEY).status_code == 200
    assert "retry-after" not in sim.ask("GET", "/auth/CheckApiKey").headers
    sim.set(retry_after=True)
    assert int(sim.ask("GET", "/auth/CheckApiKey").headers["retry-after"]) > 1


def test_unknown_routes_and_wrong_verbs(sim: Simulator) -> None:
    for path in ("/campaign/Delete", "/linkedinaccount/GetAll", "/webhooks/GetAll", "/campaign/PauseCampaign"):
        missing = sim.ask("POST", path, {})
        assert (missing.status_code, missing.content) == (404, b""), path
    assert sim.ask("GET", "/campaign/GetAll").status_code == 405
    assert sim.ask("POST", "/campaign/GetById", {}).status_code == 405
    assert sim.ask("POST", "/CAMPAIGN/getall", {}).status_code == 200


def test_a_body_must_be_declared_as_json(sim: Simulator) -> None:
    plain = sim.client.post("/api/public/campaign/GetAll", headers={"X-API-KEY": KEY})
    assert (plain.status_code, plain.json()["title"]) == (415, "Unsupported Media Type")
    empty = sim.ask("POST", "/campaign/GetAll")
    assert empty.json()["errors"] == {"": ["A non-empty request body is required."]}


def test_models_are_read_as_the_framework_reads_them(sim: Simulator) -> None:
    missing = sim.ask("POST", "/stats/GetOverallStats", {})
    assert missing.status_code == 400
    assert missing.json()["errors"] == {
        "AccountIds": ["The AccountIds field is required."],
        "CampaignIds": ["The CampaignIds field is required."],
    }
    assert missing.json()["title"] == "One or more validation errors occurred."
    assert sim.post("/stats/GetOverallStats", {"ACCOUNTIDS": [], "campaignids": [], "from": 7})
    wrong = sim.ask("POST", "/campaign/GetAll", {"offset": "many"})
    assert "System.Int32" in wrong.json()["errors"]["offset"][0]
    assert sim.post("/campaign/GetAll", {"offset": "1", "limit": "5"})


def test_pages_have_a_size_a_limit_and_ignore_other_names(sim: Simulator) -> None:
    for number in range(12):
        sim.post("/list/CreateEmptyList", {"name": f"Page {number}"})
    whole = sim.post("/list/GetAll", {"keyword": "Page "})
    assert (whole["totalCount"], len(whole["items"])) == (12, 10)
    assert sim.post("/list/GetAll", {"keyword": "Page ", "skip": 10, "take": 2}) == whole
    rest = sim.post("/list/GetAll", {"keyword": "Page ", "offset": 10})
    assert [row["name"] for row in rest["items"]] == ["Page 1", "Page 0"]
    assert "between 1 and 100" in sim.refused("/list/GetAll", {"limit": 200})
    assert "between 1 and 1000" in sim.refused("/list/GetLeadsFromList", {"listId": 1, "limit": 1001})


def test_seats_can_be_changed_from_outside(sim: Simulator) -> None:
    seat = sim.seats()[0]
    answer = sim.control.patch(f"/accounts/{seat}", json={"auth_is_valid": False, "limits": {"messageLimit": 7}})
    assert answer.status_code == 200, answer.text
    shown = sim.get("/li_account/GetById", accountId=seat)
    assert (shown["authIsValid"], shown["isActive"], shown["accountLimits"]["messageLimit"]) == (False, True, 7)
    sim.control.patch(f"/accounts/{seat}", json={"auth_is_valid": True, "limits": {"messageLimit": 40}})
    assert sim.control.patch(f"/accounts/{seat}", json={"limits": {"mails": 7}}).status_code == 422
    sim.set(nameless_seats=True)
    assert sim.get("/li_account/GetById", accountId=seat)["firstName"] is None


def test_the_controls_off_loopback_need_a_token(own: Callable[..., Simulator]) -> None:
    sim = own(control_token="secret")
    assert sim.control.get("/campaigns").status_code == 200
    sim.control.headers.pop("authorization")
    assert sim.control.get("/campaigns").status_code == 401
