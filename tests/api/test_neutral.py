"""Nothing that a company can read names the provider behind it: not its name, its host, nor any of its ids."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.answers import faults, random_id, without_autoplay
from tests.bodies import make_missing
from tests.engine import STEPS, Company, Engine, Organization, add_leads, addresses, draft, start, wait_for

NAMES = ("smartlead", "smart lead", "smart-lead", "sleadtrack", "instantly", "heyreach", "hey reach")
TIMES = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?")


@dataclass
class Stage:
    """A company that has been through everything, and all that it was answered."""

    engine: Engine
    org: Organization
    company: Company
    campaigns: list[str] = field(default_factory=list)
    heard: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Ask as the company and keep the answer, headers and all."""
        answer = self.company.api.request(method, path, **request)
        self.keep(f"{method} {path} {len(self.heard)}", answer)
        return answer

    def keep(self, name: str, answer: httpx.Response) -> None:
        headers = "\n".join(f"{key}: {value}" for key, value in answer.headers.items())
        self.heard[name] = f"{answer.status_code}\n{headers}\n\n{answer.text}"


SAID = (
    "<p>Yes, gladly</p><p>Sent with Smartlead</p><blockquote>Hi <a href='https://open.sleadtrack.com/c'>there</a>"
    "<p>Powered by Smartlead</p></blockquote>"
)


@pytest.fixture(scope="module")
def stage(engine: Engine) -> Stage:
    org = engine.new_organization()
    stage = Stage(engine, org, org.connected_company())
    with without_autoplay(engine):
        play(stage)
        fail(stage)
    refuse(stage)
    read(stage)
    return stage


def external(stage: Stage, campaign: str) -> int:
    with stage.engine.sql() as sql:
        query = "select external_id from outbound.campaign_bindings where campaign_id = %s"
        row = sql.execute(query, [campaign]).fetchone()
    assert row is not None
    return int(row["external_id"])


def play(stage: Stage) -> None:
    """Let everything that can happen to people happen."""
    campaign = draft(stage.company)
    stage.campaigns.append(campaign)
    emails = addresses(7)
    add_leads(stage.company, campaign, emails)
    stage.ask("POST", f"/v1/campaigns/{campaign}/start")
    start(stage.company, campaign)
    theirs = external(stage, campaign)
    with stage.engine.control as control:
        for dialect in ("live", "minimal"):
            control.put("/settings", json={"dialect": dialect}).raise_for_status()
            for email, event in zip(emails, ("open", "click", "reply", "bounce", "unsubscribed", "sent"), strict=False):
                body = {"campaign_id": theirs, "email": email, "event": event, "text": SAID}
                control.post("/play", json=body).raise_for_status()
        control.put("/settings", json={"dialect": "live"}).raise_for_status()
    path = f"/v1/campaigns/{campaign}/stats"
    wait_for("it all", lambda: all(stage.company.api.get(path).json()["messages"].values()))
    wait_for("the unsubscribe", lambda: stage.company.api.get(path).json()["unsubscribed"])


def fail(stage: Stage) -> None:
    """Let the provider fail for a while, and then lose a campaign for good."""
    campaign = draft(stage.company, leads=2)
    stage.campaigns.append(campaign)
    with faults(stage.engine, server_error=True), stage.engine.control as control:
        stage.ask("POST", f"/v1/campaigns/{campaign}/start")
        wait_for("a fault", lambda: sum(control.get("/faults/hits").json().values()))
        stage.ask("GET", f"/v1/campaigns/{campaign}")
    start(stage.company, campaign)
    url = stage.engine.dev["simulators"]["smartlead"]["url"]
    gone = f"{url}/api/v1/campaigns/{external(stage, campaign)}"
    httpx.delete(gone, params={"api_key": stage.engine.api_key}).raise_for_status()
    stage.ask("PATCH", f"/v1/campaigns/{campaign}", json={"name": "Renamed too late"})

    def failed() -> bool:
        sync = stage.company.api.get(f"/v1/campaigns/{campaign}").raise_for_status().json()["sync"]
        return sync["state"] == "failed" and bool(sync["reason"])

    wait_for("a failed sync", failed)
    stage.ask("GET", f"/v1/campaigns/{campaign}")


def refuse(stage: Stage) -> None:
    """Collect refusals of every kind."""
    campaign = stage.campaigns[0]
    stage.ask("GET", "/v1/nothing")
    stage.ask("DELETE", "/v1/campaigns")
    stage.ask("POST", "/v1/campaigns", json={"name": 1, "capability": "smoke_signals"})
    stage.ask("POST", "/v1/campaigns", content=b"{")
    stage.ask("PUT", f"/v1/campaigns/{campaign}/sequence", json={"steps": STEPS})
    stage.ask("PUT", f"/v1/campaigns/{campaign}/senders", json={"sender_ids": [random_id()]})
    stage.ask("POST", f"/v1/campaigns/{campaign}/leads", content=b"x", headers={"Content-Type": "text/plain"})
    stage.ask("POST", f"/v1/campaigns/{campaign}/leads", json={"leads": [{"email": "x"}, {"email": "é@b.example"}]})
    draft_id = stage.ask("POST", "/v1/campaigns", json={"name": "A", "capability": "linkedin_outreach"}).json()["id"]
    stage.ask("POST", f"/v1/campaigns/{draft_id}/start")
    stage.ask("GET", "/partner/v1/connections")
    stage.ask("GET", "/partner/openapi.json")
    with stage.engine.client() as anonymous:
        for path in ("/v1/campaigns", "/hooks/x", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/"):
            stage.keep(f"anybody {path}", anonymous.get(path))
        stage.keep("anybody start", anonymous.get("/docs/start.js"))
        for asset in re.findall(r'(?:src|href)="([^"]+)"', stage.heard["anybody /docs"]):
            assert asset.startswith("/docs/"), "the page loads something from elsewhere"
            stage.keep(f"anybody {asset}", anonymous.get(asset).raise_for_status())


def read(stage: Stage) -> None:
    """Read everything there is to read, by every GET of the company's document."""
    document = stage.company.api.get("/openapi.json").raise_for_status().json()
    ids = {
        "campaign_id": stage.campaigns,
        "lead_id": [row["id"] for row in stage.ask("GET", "/v1/leads?limit=200").json()["data"]],
        "sender_id": [row["id"] for row in stage.ask("GET", "/v1/senders").json()["data"]],
        "suppression_id": [row["id"] for row in stage.ask("GET", "/v1/suppressions").json()["data"]],
        "event_id": [row["id"] for row in stage.ask("GET", "/v1/events?limit=200").json()["data"]],
        "user_id": [row["id"] for row in stage.ask("GET", "/v1/users").json()["data"]],
        "token_id": [row["id"] for row in stage.ask("GET", "/v1/api-tokens").json()["data"]],
        "conversation_id": wait_for("a thread", lambda: threads(stage), 40),
    }
    made = {name: values[0] for name, values in ids.items()}
    make_missing(stage.company.api, made, lambda name: {**made, "mark": "Made", "email": addresses(1)[0]}[name])
    ids = {**{name: [value] for name, value in made.items()}, **ids}
    for path, methods in document["paths"].items():
        if "get" not in methods:
            continue
        names = re.findall(r"{(\w+)}", path)
        assert not names or ids[names[0]], names
        for value in ids[names[0]] if names else [""]:
            address = path.replace(f"{{{names[0]}}}", value) if names else path
            assert stage.ask("GET", address).is_success


def threads(stage: Stage) -> list[str]:
    """Return the conversations whose messages have been read, with what the provider has set below an answer."""
    rows = stage.company.api.get("/v1/conversations").raise_for_status().json()["data"]
    found = [row["id"] for row in rows]
    said = [stage.company.api.get(f"/v1/conversations/{each}/messages").raise_for_status().text for each in found]
    return [each for each, text in zip(found, said, strict=True) if "Yes, gladly" in text]


def shown(stage: Stage) -> dict[str, str]:
    """Return what was heard, without times of day, whose digits mean nothing, and in lower case."""
    return {name: TIMES.sub("", text).lower() for name, text in stage.heard.items()}


def test_nothing_a_company_hears_names_a_provider(stage: Stage) -> None:
    assert len(stage.heard) > 60
    found = [(name, word) for name, text in shown(stage).items() for word in NAMES if word in text]
    assert found == []


def test_nothing_a_company_hears_names_the_providers_host_or_key(stage: Stage) -> None:
    simulator = stage.engine.dev["simulators"]["smartlead"]
    places = [urlsplit(simulator[name]).netloc for name in ("url", "control_url")]
    with stage.engine.control as control:
        hooks = [hook["webhook_url"] for row in control.get("/campaigns").json() for hook in row["webhooks"]]
    secrets = [*places, stage.engine.api_key.lower(), *(hook.rpartition("/")[2].lower() for hook in hooks)]
    found = [(name, secret) for name, text in shown(stage).items() for secret in secrets if secret in text]
    assert found == []


def provider_ids(stage: Stage) -> set[str]:
    """Return every id that the provider gave to anything of the company's, and what its webhooks carried."""
    ids: set[str] = set()
    with stage.engine.sql() as sql:
        for table in ("campaign_bindings", "sender_bindings", "lead_bindings"):
            query = f"select external_id as id from outbound.{table} where company_id = %s"  # noqa: S608
            ids |= {str(row["id"]) for row in sql.execute(query, [stage.company.id]).fetchall()}
    with stage.engine.control as control:
        campaign = external(stage, stage.campaigns[0])
        for row in control.get(f"/campaigns/{campaign}/leads").raise_for_status().json():
            ids |= {str(row["map_id"]), str(row["lead_id"])}
        theirs = control.get(f"/campaigns/{campaign}").raise_for_status().json()
        ids |= {str(step["id"]) for step in theirs["sequence"]} | {str(hook["id"]) for hook in theirs["webhooks"]}
        body = {"campaign_id": campaign, "email": row["email"], "event": "sent"}
        webhook = control.post("/play", json=body).raise_for_status().json()
    ids |= {str(webhook["stats_id"]), str(webhook["secret_key"]), str(webhook["message_id"]).strip("<>")}
    return {found.lower() for found in ids if len(found) > 3}


def test_nothing_a_company_hears_holds_an_id_of_the_providers(stage: Stage) -> None:
    ids = provider_ids(stage)
    assert len(ids) > 10
    words = re.compile(r"[0-9a-z_.@-]+")
    found = [(name, word) for name, text in shown(stage).items() for word in set(words.findall(text)) & ids]
    assert found == []


def test_what_happened_is_shown_in_neutral_words(stage: Stage) -> None:
    events = stage.company.api.get("/v1/events", params={"limit": 200}).raise_for_status().json()["data"]
    assert {event["type"] for event in events} >= {
        "campaign.started", "message.sent", "message.opened", "message.clicked", "message.replied", "message.bounced",
        "lead.unsubscribed",
    }  # fmt: skip
    for event in events:
        assert set(event["data"]) <= {
            "step",
            "subject",
            "from",
            "url",
            "text",
            "reason",
            "sender_refused",
            "kind",
            "label",
            "capability",
            "until",
        }, event


def test_the_companys_document_is_whole_and_the_partners_holds_it(stage: Stage, engine: Engine) -> None:
    with engine.client() as anonymous:
        company = anonymous.get("/openapi.json").raise_for_status().json()
        assert anonymous.get("/partner/openapi.json").status_code == 404
    partner = stage.org.api.get("/partner/openapi.json").raise_for_status().json()
    assert stage.company.api.get("/partner/openapi.json").status_code == 404
    assert all(path.startswith("/v1/") for path in company["paths"])
    assert len(company["paths"]) > 12
    for path, operations in company["paths"].items():
        # The partner's differs in one thing alone: an organization's credential names the company that it means.
        assert set(partner["paths"][path]) == set(operations), path
        for method, operation in operations.items():
            other = partner["paths"][path][method]
            for part in ("operationId", "summary", "security", "responses"):
                assert other.get(part) == operation.get(part), (path, method, part)
    for document in (company, partner):
        named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
        assert named <= set(document["components"]["schemas"])
        assert "ValidationError" not in document["components"]["schemas"]
