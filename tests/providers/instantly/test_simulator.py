"""Transport: keys, validation, pages, budgets, the clock, the controls and the state file."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.providers.instantly.simulator_fixture import KEY, OTHER_KEY, SCHEDULE, Simulator, own, running, sim, wait_for

__all__ = ["own", "running", "sim"]


@pytest.mark.parametrize(
    ("key", "message"),
    [(None, "Missing Authorization header"), ("nobody", "Invalid authorization header or API key")],
)
def test_a_key_is_needed(sim: Simulator, key: str | None, message: str) -> None:
    answer = sim.ask("GET", "/campaigns", key=key)
    assert answer.status_code == 401
    assert answer.json() == {"statusCode": 401, "error": "Unauthorized", "message": message}


def test_each_key_is_a_workspace_with_three_mailboxes_of_its_own(sim: Simulator) -> None:
    mine = sim.get("/accounts")["items"]
    others = sim.ask("GET", "/accounts", key=OTHER_KEY).json()["items"]
    assert len(mine) == len(others) == 3
    assert not {row["email"] for row in mine} & {row["email"] for row in others}
    workspace = sim.get("/workspaces/current")
    assert {row["organization"] for row in mine} == {workspace["id"]}


def test_a_created_key_may_do_what_its_scopes_say(sim: Simulator) -> None:
    made = sim.post("/api-keys", {"name": "reader", "scopes": ["campaigns:read", "leads:all"]})
    key = made["key"]
    assert sim.ask("GET", "/campaigns", key=key).status_code == 200
    assert sim.ask("POST", "/leads/list", {}, key=key).status_code == 200
    refused = sim.ask("GET", "/accounts", key=key)
    assert (refused.status_code, refused.json()["message"]) == (403, "Forbidden")
    sim.set(scope_status=401)
    assert sim.ask("GET", "/accounts", key=key).status_code == 401
    assert all(row["key"] != key for row in sim.get("/api-keys", limit=100)["items"])
    sim.delete(f"/api-keys/{made['id']}")
    assert sim.ask("GET", "/campaigns", key=key).status_code == 401


def test_an_empty_json_body_is_refused(sim: Simulator) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    answer = sim.client.post(f"/api/v2/accounts/{sim.mailboxes()[0]}/resume", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_CTP_EMPTY_JSON_BODY")
    assert sim.ask("POST", f"/accounts/{sim.mailboxes()[0]}/resume", {}).status_code == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"campaign_schedule": SCHEDULE}, "body must have required property 'name'"),
        ({"name": "x", "campaign_schedule": {}}, "body/campaign_schedule must have required property 'schedules'"),
        ({"name": "x", "campaign_schedule": SCHEDULE, "daily_limit": "many"}, "body/daily_limit must be number,null"),
    ],
)
def test_a_bad_body_is_reported_in_the_validators_words(sim: Simulator, body: Any, message: str) -> None:
    answer = sim.ask("POST", "/campaigns", body)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_a_timezone_is_one_of_those_known(sim: Simulator) -> None:
    schedule = {"schedules": [{**SCHEDULE["schedules"][0], "timezone": "America/New_York"}]}
    answer = sim.ask("POST", "/campaigns", {"name": "x", "campaign_schedule": schedule})
    shown = "body/campaign_schedule/schedules/0/timezone must be equal to one of the allowed values"
    assert answer.json()["message"] == shown


def test_unknown_properties_are_dropped_or_refused(sim: Simulator) -> None:
    body = {"name": "x", "campaign_schedule": SCHEDULE, "account_ids": ["a"]}
    assert "account_ids" not in sim.post("/campaigns", body)
    sim.set(unknown_properties="reject")
    assert sim.ask("POST", "/campaigns", body).json()["message"] == "body must NOT have additional properties"


def test_unknown_things_and_routes_are_404(sim: Simulator) -> None:
    missing = sim.ask("GET", "/campaigns/00000000-0000-4000-8000-000000000000")
    assert (missing.status_code, missing.json()["message"]) == (404, "Resource not found")
    assert sim.ask("GET", "/campaigns/nothing").status_code == 400
    assert sim.ask("GET", "/nothing").json()["message"] == "Route GET:/api/v2/nothing not found"


def test_pages_end_with_an_empty_one(own: Callable[..., Simulator]) -> None:
    sim = own()
    made = {sim.campaign() for _ in range(13)}
    first = sim.get("/campaigns")
    assert len(first["items"]) == 10
    last = sim.get("/campaigns", starting_after=first["next_starting_after"])
    assert len(last["items"]) == 3
    seen = [row["id"] for row in first["items"] + last["items"]]
    assert set(seen) == made
    assert seen == sorted(seen, reverse=True)
    assert sim.get("/campaigns", starting_after=last["next_starting_after"]) == {"items": []}


def test_a_page_has_at_most_a_hundred_rows(sim: Simulator) -> None:
    answer = sim.ask("GET", "/campaigns", limit=101)
    assert (answer.status_code, answer.json()["message"]) == (400, "querystring/limit must be <= 100")
    sim.set(over_limit="empty")
    assert sim.get("/campaigns", limit=101) == {"items": []}


def test_the_budget_of_the_unibox_slides(own: Callable[..., Simulator]) -> None:
    sim = own(rate_limit="1000/1")
    sim.clock(speed=0)
    answers = [sim.ask("GET", "/emails") for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert answers[-1].json()["message"] == "Rate limit exceeded"
    assert "retry-after" not in answers[-1].headers
    assert sim.ask("GET", "/emails/unread/count").status_code == 200
    sim.clock(advance=61)
    assert sim.ask("GET", "/emails").status_code == 200


def test_the_general_budget_has_two_windows(own: Callable[..., Simulator]) -> None:
    sim = own(rate_limit="3/1,5/60")
    sim.clock(speed=0)
    seen = [sim.ask("GET", "/campaigns").status_code for _ in range(4)]
    sim.clock(advance=2)
    seen += [sim.ask("GET", "/campaigns").status_code for _ in range(3)]
    assert seen == [200, 200, 200, 429, 200, 200, 429]
    assert sim.ask("GET", "/campaigns", key=OTHER_KEY).status_code == 200


def test_the_clock_can_run_and_jump(own: Callable[..., Simulator]) -> None:
    sim = own()
    assert sim.clock(at="2027-03-01T00:00:00Z")["at"].startswith("2027-03-01T00:00:0")
    assert sim.get(f"/campaigns/{sim.campaign()}")["timestamp_created"].startswith("2027-03-01T00:00")
    sim.clock(speed=3600)
    time.sleep(0.2)
    assert sim.control.get("/clock").json()["at"] > "2027-03-01T00:10"
    sim.kill()
    sim.start()
    shown = sim.control.get("/clock").json()
    assert (shown["at"] > "2027-03-01T00:10", shown["speed"]) == (True, 3600)
    for wrong in ({}, {"speed": -1}, {"at": "soon"}, {"hour": 1}, []):
        assert sim.control.put("/clock", json=wrong).status_code == 422


def test_the_controls_ask_for_a_token_that_was_given(own: Callable[..., Simulator]) -> None:
    sim = own(control_token="open-sesame")
    assert sim.control.get("/faults").status_code == 200
    bare = httpx.get(f"http://127.0.0.1:{sim.control_port}/faults", timeout=60)
    assert bare.status_code == 401


def test_off_loopback_the_controls_need_a_token(tmp_path: Any) -> None:
    code = (
        "from pathlib import Path\nfrom providers.simulators.instantly.server import serve\n"
        f"serve(port=1, control_port=2, state_path=Path({str(tmp_path / 's.db')!r}), api_keys=['k'],"
        " control_host='0.0.0.0')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode != 0
    assert "needs a token" in ended.stderr


def test_it_survives_a_kill_at_any_moment(own: Callable[..., Simulator]) -> None:
    sim = own(autoplay=True)
    sim.set(pace_ms=0)
    campaign = sim.campaign()
    sim.add(campaign, *(f"lead{number}@kill.com" for number in range(300)))
    sim.post(f"/campaigns/{campaign}/activate")
    for _ in range(3):
        time.sleep(0.1)
        sim.kill()
        sim.start()
        sim.set(pace_ms=0)
    with contextlib.suppress(KeyError):
        wait_for(lambda: not sim.leads(campaign, filter="FILTER_VAL_NOT_CONTACTED"))
    mails = sim.control.get("/emails", params={"lead": "lead7@kill.com"}).json()
    assert len([mail for mail in mails if mail["ue_type"] == 1]) == 1
    assert len(sim.leads(campaign)) == 300
    assert json.loads(sim.control.get("/ledger", params={"campaign": campaign}).text)[0]["effect"] == "added"
