"""The main job, once over HTTP: a partner connects a client, whose campaign goes out and comes back as events."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from api.dev.home import Home

LEADS = Path(__file__).resolve().parents[2] / "tests" / "data" / "leads_5000.csv"
LONGEST_SHOWN = 900
SYNC_SECONDS = 180
NAME = "Acacia Analytics"
TERMINAL = sys.stdout.isatty()
STEPS = [
    {
        "type": "email",
        "delay_days": 0,
        "subject": "A question, {{first_name}}",
        "body": "Hi {{first_name}},\n\nI saw your work in {{custom.city}}. Would you have ten minutes?",
    },
    {
        "type": "email",
        "delay_days": 3,
        "subject": "",
        "body": "<p>Did my note reach you, {{first_name}}?</p>",
    },
]


class Caller:
    """One token's view of the API. Prints what it sends and what it gets."""

    def __init__(self, home: Home, token: str, who: str) -> None:
        self.who = who
        self.client = httpx.Client(base_url=home.api_url, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    def call(self, method: str, path: str, *, quiet: bool = False, **request: Any) -> Any:
        """Send one request, print both sides, and return the answer's body. An error ends the walk."""
        response = self.client.request(method, path, **request)
        if not quiet:
            print(f"\n{_bold(f'{method} {path}')}   ({self.who})")
            if "json" in request:
                print(f"  {json.dumps(request['json'])[:300]}")
            print(f"  → {response.status_code} {_shown(response)}", flush=True)
        if response.is_error:
            sys.exit(f"the walk ended at {method} {path}: {response.status_code} {response.text}")
        return response.json() if response.content else None


def walk(home: Home) -> None:
    """Play the main job for a new company of the first organization."""
    organization = home.state.organizations[0]
    partner = Caller(home, organization["org_token"], "partner")
    print("\nThe main job, once:")
    _begin_anew(home, partner)
    company = partner.call("POST", "/partner/v1/companies", json={"name": NAME})
    token = partner.call("POST", "/partner/v1/api-tokens", json={"company_id": company["id"]})["token"]
    organization["companies"].insert(0, {"id": company["id"], "name": company["name"], "token": token})
    entitlement = f"/partner/v1/companies/{company['id']}/entitlements/email_outreach"
    partner.call("PUT", entitlement, json={"provider": "smartlead"})
    connection = {
        "company_id": company["id"],
        "provider": "smartlead",
        # An account of its own: the one in dev.env has no owner yet, and belongs to the company that connects first.
        "credential": {"api_key": f"test_walk_{company['id']}"},
    }
    partner.call("POST", "/partner/v1/connections", json=connection)
    campaign = _campaign(Caller(home, token, "company"))
    home.state.walked = True
    home.save()
    print(f"\nThe walk is done; campaign {campaign} goes on by itself.")


def _begin_anew(home: Home, partner: Caller) -> None:
    """Delete what a walk that was interrupted has made: half a company would be in the way of the next one."""
    organization = home.state.organizations[0]
    for company in partner.call("GET", "/partner/v1/companies?limit=200", quiet=True)["data"]:
        if company["name"] == NAME and company["status"] != "deleting":
            partner.call("DELETE", f"/partner/v1/companies/{company['id']}")
    organization["companies"] = [company for company in organization["companies"] if company["name"] != NAME]


def _campaign(company: Caller) -> str:
    company.call("GET", "/v1/capabilities")
    senders = company.call("GET", "/v1/senders")["data"]
    settings = {"track_opens": True, "track_clicks": True}
    body = {"name": "Autumn outreach", "capability": "email_outreach", "settings": settings}
    campaign = company.call("POST", "/v1/campaigns", json=body)["id"]
    path = f"/v1/campaigns/{campaign}"
    company.call("PUT", f"{path}/sequence", json={"steps": STEPS})
    company.call("PUT", f"{path}/senders", json={"sender_ids": [sender["id"] for sender in senders]})
    company.call("POST", "/v1/suppressions", json={"email": "maria@northwind.example.com"})
    lead = {"email": "maria@northwind.example.com", "first_name": "Maria"}
    company.call("POST", f"{path}/leads", json={"leads": [lead]})
    company.call("POST", f"{path}/leads", content=LEADS.read_bytes(), headers={"Content-Type": "text/csv"})
    company.call("POST", f"{path}/start")
    _await_sync(company, path)
    company.call("GET", path)
    _await_events(company, campaign)
    company.call("GET", f"/v1/events?campaign_id={campaign}&limit=3")
    company.call("GET", f"{path}/leads?limit=2")
    company.call("GET", f"{path}/stats")
    return campaign


def _await_sync(company: Caller, path: str) -> None:
    deadline = time.monotonic() + SYNC_SECONDS
    while time.monotonic() < deadline:
        sync = company.call("GET", path, quiet=True)["sync"]
        leads = company.call("GET", f"{path}/stats", quiet=True)["leads"]
        line = f"  handing over: {leads['pushed']} of {leads['total']} ({sync['state']})"
        print(f"\r{line}   " if TERMINAL else line, end="" if TERMINAL else "\n", flush=True)
        if sync["state"] == "synced":
            return
        if sync["state"] == "failed":
            sys.exit(f"the walk ended: the campaign could not be put in place ({sync['reason']})")
        time.sleep(0.5 if TERMINAL else 2)
    sys.exit("the walk ended: the campaign was not in place in time")


def _await_events(company: Caller, campaign: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        page = company.call("GET", f"/v1/events?campaign_id={campaign}&type=message.replied&limit=1", quiet=True)
        if page["data"]:
            return
        time.sleep(0.3)
    sys.exit("the walk ended: no reply came back in time")


def _bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if TERMINAL else text


def _shown(response: httpx.Response) -> str:
    if not response.content:
        return ""
    text = json.dumps(response.json(), ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]} … ({len(text):,} characters)"
