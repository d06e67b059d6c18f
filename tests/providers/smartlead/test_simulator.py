"""What all of the simulator shares: keys, errors, routes, rate limits, and its way of ending."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable

import httpx
import pytest

from tests.providers.smartlead.simulator_fixture import (
    KEY,
    OTHER_KEY,
    Simulator,
    own,
    running,
    sim,
)

__all__ = ["own", "running", "sim"]


def test_a_wrong_or_missing_key_is_401(sim: Simulator) -> None:
    for key in ("", "wrong"):
        answer = sim.ask("GET", "/campaigns", key=key)
        assert (answer.status_code, answer.json()) == (401, {"message": "Invalid API Key"})


def test_the_default_user_agent_of_urllib_is_turned_away(sim: Simulator) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{sim.port}/api/v1/campaigns?api_key={KEY}")
    assert refused.value.code == 403
    refused.value.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/campaigns/1/status"),
        ("POST", "/campaigns/new"),
        ("GET", "/campaigns/new"),
        ("GET", "/webhooks"),
        ("GET", "/webhook"),
        ("GET", "/butterflies"),
        ("GET", "/campaigns/1/leads/2"),
        ("POST", "/verify-emails"),
    ],
)
def test_unknown_routes_and_methods_get_the_page_of_express(sim: Simulator, method: str, path: str) -> None:
    answer = sim.ask(method, path)
    assert answer.status_code == 404
    assert "text/html" in answer.headers["content-type"]
    assert f"<pre>Cannot {method} /api/v1{path}</pre>" in answer.text


def test_both_slash_forms_work(sim: Simulator) -> None:
    campaign = sim.campaign()
    assert sim.get("/campaigns") == sim.get("/campaigns/")
    assert sim.get(f"/campaigns/{campaign}/leads") == sim.get(f"/campaigns/{campaign}/leads/")
    assert sim.get("/email-accounts") == sim.get("/email-accounts/")


def test_unknown_body_keys_are_refused_and_nothing_changes(sim: Simulator) -> None:
    before = sim.get("/campaigns")
    answer = sim.ask("POST", "/campaigns/create", {"name": "x", "clinet_id": 1, "other": 2})
    assert answer.status_code == 400
    assert answer.json() == {
        "statusCode": 400,
        "error": "Bad Request",
        "message": '"clinet_id" is not allowed',
        "validation": {"source": "body", "keys": ["clinet_id"]},
    }
    assert sim.get("/campaigns") == before


def test_unknown_query_keys_are_refused(sim: Simulator) -> None:
    fault = sim.ask("GET", "/campaigns", limit=10).json()
    assert fault["message"] == '"limit" is not allowed'
    assert fault["validation"]["source"] == "query"


def test_an_id_that_is_no_number_is_refused(sim: Simulator) -> None:
    fault = sim.ask("GET", "/campaigns/abc").json()
    assert fault["message"] == '"campaign_id" must be a number'
    assert fault["validation"]["source"] == "params"


def test_a_body_of_the_wrong_kind_is_refused(sim: Simulator) -> None:
    path = f"/campaigns/{sim.campaign()}/sequences"
    assert sim.ask("POST", path, [1]).json()["message"] == '"value" must be of type object'
    assert sim.ask("POST", path, {"sequence": []}).json()["message"] == '"sequences" is required'


def test_broken_json_is_a_400(sim: Simulator) -> None:
    url = f"http://127.0.0.1:{sim.port}/api/v1/campaigns/create"
    answer = httpx.post(url, params={"api_key": KEY}, timeout=60, content=b'{"name": ')
    assert answer.status_code == 400


def test_the_owner_of_a_key_can_be_read(sim: Simulator) -> None:
    mine = sim.get("/users/get-by-api-key")
    theirs = sim.get("/users/get-by-api-key", key=OTHER_KEY)
    assert mine["id"] != theirs["id"]


def test_accounts_see_nothing_of_each_other(sim: Simulator) -> None:
    campaign = sim.ready_campaign("only-mine@here.com")
    sim.add(campaign, "only-mine@here.com")
    assert sim.get(f"/campaigns/{campaign}")["id"] == campaign
    assert sim.ask("GET", f"/campaigns/{campaign}", key=OTHER_KEY).content == b""
    assert sim.ask("DELETE", f"/campaigns/{campaign}", key=OTHER_KEY).status_code == 404
    assert sim.get("/leads", key=OTHER_KEY, email="only-mine@here.com") == {}
    mailboxes = {row["from_email"] for row in sim.get("/email-accounts")}
    others = {row["from_email"] for row in sim.get("/email-accounts", key=OTHER_KEY)}
    assert len(mailboxes) == len(others) == 3
    assert not mailboxes & others


def test_the_rate_limit_answers_429_and_says_when_to_return(own: Callable[..., Simulator]) -> None:
    sim = own(rate_limit="3/60")
    sim.clock(speed=0)
    answers = [sim.ask("GET", "/campaigns") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    refused = answers[-1]
    assert refused.headers["x-ratelimit-limit"] == "3"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert sim.ask("GET", "/campaigns", key=OTHER_KEY).status_code == 200


def test_a_rate_window_passes(own: Callable[..., Simulator]) -> None:
    sim = own(rate_limit="1/600")
    sim.clock(speed=0)
    assert sim.ask("GET", "/campaigns").status_code == 200
    assert sim.ask("GET", "/campaigns").status_code == 429
    sim.clock(advance=600)
    assert sim.ask("GET", "/campaigns").status_code == 200


def test_the_simulator_ends_promptly_with_open_connections(own: Callable[..., Simulator]) -> None:
    sim = own()
    sim.get("/campaigns")
    sim.faults(slow={"seconds": 600})
    waiting = http.client.HTTPConnection("127.0.0.1", sim.port)
    waiting.request("GET", f"/api/v1/campaigns?api_key={KEY}", headers={"User-Agent": "test"})
    sim.stop()
    assert sim.process.returncode == 0
    waiting.close()
