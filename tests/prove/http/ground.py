"""The ground: a victim with one of everything, a sibling, a stranger, and all the credentials that are tried."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from api.access.access_tokens import Signer
from tests.bodies import make_missing
from tests.engine import Company, Engine, Organization, Person, add_leads, draft, wait_for, wait_synced

CAPABILITY = "linkedin_outreach"  # what no company of ours is connected for


@dataclass
class Side:
    """One company and its organization, as a caller in their name knows them."""

    org: Organization
    company: Company
    mark: str  # in every name, address and text of this side, and nowhere else
    ids: dict[str, str] = field(default_factory=dict)
    own: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)  # what one route alone may use up

    @property
    def companies(self) -> list[str]:
        """Its companies' ids."""
        return [self.ids["company_id"], self.ids["spare_company_id"]]

    @property
    def api_key(self) -> str:
        """The key of the company's account at the simulated provider."""
        return self.company.api_key

    def known(self, name: str) -> Any:
        """Return what a `$name` in a subject's body stands for."""
        own = {"email": self.email, "mark": lambda: self.mark, "slug": mark, "api_key": lambda: self.api_key}
        return own[name]() if name in own else self.ids[name]

    def email(self) -> str:
        """Return a fresh address that bears the mark."""
        return f"p{secrets.token_hex(4)}.{self.mark}@{self.mark}.example"


@dataclass
class Ground:
    """All companies and organizations of the proof."""

    engine: Engine
    victim: Side
    sibling: Side
    other: Side
    operator: str
    admin: Person  # of the victim's organization
    keeper: Person  # of the victim's company
    hook_path: str  # of the victim's connection
    tokens: dict[str, str] = field(default_factory=dict)  # every other credential, by name


def mark() -> str:
    """Return a word that nothing else holds."""
    return f"mk{secrets.token_hex(6)}"


def side(org: Organization, marker: str) -> Side:
    """Make a company that can send, with one of everything in it."""
    company = org.connected_company(f"Company {marker}")
    made = Side(org, company, marker)
    spare = org.new_company(f"Spare {marker}")
    entitle = f"/partner/v1/companies/{spare.id}/entitlements/email_outreach"
    org.api.put(entitle, json={"provider": "smartlead"}).raise_for_status()
    campaign = draft(company, name=f"Campaign {marker}")
    lead = add_leads(company, campaign, [made.email() for _ in range(2)])["results"][0]["lead_id"]
    suppression = company.api.post("/v1/suppressions", json={"email": made.email()}).raise_for_status().json()
    token = company.api.post("/v1/api-tokens", json={"name": f"Token {marker}"}).raise_for_status().json()
    made.ids = {
        "organization_id": org.id, "company_id": company.id, "spare_company_id": spare.id, "campaign_id": campaign,
        "lead_id": lead, "suppression_id": suppression["id"], "token_id": token["id"], "user_id": token["user_id"],
        "sender_id": company.api.get("/v1/senders").json()["data"][0]["id"],
        "connection_id": _first(org.api, "/partner/v1/connections", company_id=company.id),
    }  # fmt: skip
    make_missing(company.api, made.ids, made.known)
    made.ids["conversation_id"] = org.engine.new_conversation(company.id, campaign, lead)
    binding, bound = "/partner/v1/campaigns/{campaign_id}/binding", draft(company, name=f"Bound {marker}")
    org.api.put(binding.format(campaign_id=bound), json={"external_id": marker}).raise_for_status()
    of_all = org.api.post("/partner/v1/suppressions", json={"email": made.email()}).raise_for_status().json()
    made.own[("GET", "/partner/v1/suppressions/{suppression_id}")] = {"suppression_id": of_all["id"]}
    on_account = {"sender_id": _first(org.api, "/partner/v1/senders", company_id=company.id)}
    for method in ("GET", "PUT"):
        made.own[(method, "/partner/v1/senders/{sender_id}")] = on_account
        made.own[(method, binding)] = {"campaign_id": bound}
    return made


def _first(client: httpx.Client, path: str, **params: str) -> str:
    return str(client.get(path, params=params).raise_for_status().json()["data"][0]["id"])


def begin(engine: Engine) -> Ground:
    """Make the ground. The simulated provider must stand still: nothing may change but by the requests."""
    org, stranger = engine.new_organization(), engine.new_organization()
    marker = mark()
    org.api.patch("/partner/v1/organization", json={"name": f"Partner {marker}"}).raise_for_status()
    victim = side(org, marker)
    running = draft(victim.company, leads=1, name=f"Running {marker}")
    victim.company.api.post(f"/v1/campaigns/{running}/start").raise_for_status()
    wait_synced(victim.company, running)
    victim.ids["event_id"] = _first(victim.company.api, "/v1/events")
    sibling, other = side(org, mark()), side(stranger, mark())
    ground = Ground(
        engine, victim, sibling, other, engine.new_operator(), org.new_person("org_admin", email=victim.email()),
        org.new_person("company_admin", victim.company, email=victim.email()), _hook_path(engine, running),
    )  # fmt: skip
    _use_up(ground)
    _credentials(ground)
    return ground


def _hook_path(engine: Engine, campaign: str) -> str:
    with engine.sql() as sql, engine.control as control:
        query = "select external_id from outbound.campaign_bindings where campaign_id = %s"
        row = sql.execute(query, [campaign]).fetchone() or {}

        def hooks() -> list[dict[str, Any]]:
            return control.get(f"/campaigns/{row['external_id']}").raise_for_status().json()["webhooks"]

        return "/hooks/" + str(wait_for("a webhook", hooks)[0]["webhook_url"]).rpartition("/")[2]


def _use_up(ground: Ground) -> None:
    """Give each route that takes something away, or uses it up, a thing of its own."""
    victim, org = ground.victim, ground.victim.org
    company = victim.company.api

    def person() -> str:
        body = {"email": victim.email(), "name": f"Person {victim.mark}", "role": "company_member"}
        body["company_id"] = victim.company.id
        return str(org.api.post("/partner/v1/users", json=body).raise_for_status().json()["id"])

    def token() -> str:
        body = {"name": f"Token {victim.mark}"}
        return str(company.post("/v1/api-tokens", json=body).raise_for_status().json()["id"])

    def suppression() -> str:
        body = {"email": victim.email()}
        return str(company.post("/v1/suppressions", json=body).raise_for_status().json()["id"])

    makers: dict[str, tuple[str, Callable[[], str]]] = {
        "DELETE /users/{user_id}": ("user_id", person), "POST /users/{user_id}/link": ("user_id", person),
        "DELETE /api-tokens/{token_id}": ("token_id", token),
        "POST /api-tokens/{token_id}/rotate": ("token_id", token),
    }  # fmt: skip
    for line, (name, make) in makers.items():
        method, _, path = line.partition(" ")
        for prefix in ("/v1", "/partner/v1"):
            victim.own[(method, prefix + path)] = {name: make()}
    start = {"campaign_id": draft(victim.company, leads=1, name=f"Ready {victim.mark}")}
    victim.own[("POST", "/v1/campaigns/{campaign_id}/start")] = start
    victim.own[("POST", "/v1/campaigns/{campaign_id}/pause")] = start
    _spend_campaigns(victim)
    victim.own[("DELETE", "/v1/suppressions/{suppression_id}")] = {"suppression_id": suppression()}
    of_all = org.api.post("/partner/v1/suppressions", json={"email": victim.email()}).raise_for_status().json()
    victim.own[("DELETE", "/partner/v1/suppressions/{suppression_id}")] = {"suppression_id": of_all["id"]}
    gone = org.new_company(f"Gone {victim.mark}")
    victim.own[("DELETE", "/partner/v1/companies/{company_id}")] = {"company_id": gone.id}
    entitlement = f"/partner/v1/companies/{victim.company.id}/entitlements/{CAPABILITY}"
    org.api.put(entitlement, json={"provider": "heyreach"}).raise_for_status()
    closed = ground.engine.new_organization()
    victim.own[("DELETE", "/platform/v1/organizations/{organization_id}")] = {"organization_id": closed.id}


def _spend_campaigns(victim: Side) -> None:
    """Give campaigns of their own to the routes that end one, or take a person out."""
    for method, end in (("DELETE", ""), ("POST", "/archive")):
        spent = draft(victim.company, leads=1, name=f"Spent {victim.mark}")
        victim.own[(method, "/v1/campaigns/{campaign_id}" + end)] = {"campaign_id": spent}
    spent = draft(victim.company, leads=1, name=f"Left {victim.mark}")
    (left,) = victim.company.api.get(f"/v1/campaigns/{spent}/leads").raise_for_status().json()["data"]
    taken_out = {"campaign_id": spent, "lead_id": left["lead_id"]}
    victim.own[("DELETE", "/v1/campaigns/{campaign_id}/leads/{lead_id}")] = taken_out


def _credentials(ground: Ground) -> None:
    """Make every credential that an attacker tries, good for less than what they ask, or no longer good."""
    victim, org, sibling, other = ground.victim, ground.victim.org, ground.sibling, ground.other
    tokens = ground.tokens

    def token(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
        return client.post(path, json=body).raise_for_status().json()

    suspended = org.new_company(f"Suspended {victim.mark}")
    tokens["suspended token"] = suspended.token
    tokens["suspended session"] = _session(org, "company_admin", suspended)
    path = f"/partner/v1/companies/{suspended.id}"
    org.api.patch(path, json={"status": "suspended"}).raise_for_status()
    for tier, client, path in (
        ("org", org.api, "/partner/v1/api-tokens"), ("company", victim.company.api, "/v1/api-tokens")
    ):  # fmt: skip
        revoked = token(client, path, name="Revoked")
        client.delete(f"{path}/{revoked['id']}").raise_for_status()
        soon = _in_a_second(ground)
        tokens[f"revoked {tier}"] = revoked["token"]
        tokens[f"expired {tier}"] = token(client, path, name="Expired", expires_at=soon)["token"]
        for scope in ("campaigns:read", "senders:read"):
            tokens[f"{tier} {scope}"] = token(client, path, name="Narrow", scopes=[scope])["token"]
    ended = org.new_person("company_admin", victim.company)
    ended.api.post("/v1/auth/logout").raise_for_status()
    tokens["ended session"] = ended.tokens["access_token"]
    tokens["ended refresh"] = ended.tokens["refresh_token"]
    tokens["org member"] = _session(org, "org_member")
    tokens["company member"] = _session(org, "company_member", victim.company)
    tokens["sibling session"] = _session(org, "company_admin", sibling.company)
    tokens["sibling fresh session"] = _session(org, "company_admin", sibling.company)
    tokens["other member"] = _session(other.org, "org_member")


def _session(org: Organization, role: str, company: Company | None = None) -> str:
    return str(org.new_person(role, company).tokens["access_token"])


def _in_a_second(ground: Ground) -> str:
    with ground.engine.sql() as sql:
        row = sql.execute("select (now() + interval '1 second')::timestamptz as soon").fetchone() or {}
    return str(row["soon"].isoformat())


def signer_of(engine: Engine) -> Signer:
    """Return the engine's own keys: the proof must be able to sign what the engine would."""
    return Signer.from_settings(engine.folder.settings())
