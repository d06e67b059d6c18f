"""No user acts on a stronger one: every actor, every verb, every target, over HTTP, against the rule.

The rule: an actor does something to a user only if it has the verb's permission, and the target may do no more than
the actor. What is refused for want of strength changes nothing.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import httpx
import pytest

from api.access.permissions import effective, role_permissions
from tests.api.people import caller, company_of, invite, new_person, tenant
from tests.engine import Company, Engine, Organization

NARROW = ("users:read", "users:write", "tokens:read", "tokens:write", "campaigns:read")
TOKENS_ONLY = ("tokens:read", "tokens:write")


@dataclass(frozen=True)
class Who:
    """A credential's role and the scopes that narrow it."""

    role: str
    scopes: tuple[str, ...] | None = None

    @property
    def may(self) -> frozenset[str]:
        return effective(self.role, self.scopes)

    @property
    def is_company(self) -> bool:
        return self.role.startswith("company_")


ACTORS = {
    "org_admin": Who("org_admin"), "org_member": Who("org_member"),
    "company_admin": Who("company_admin"), "company_member": Who("company_member"),
    "narrow org token": Who("org_admin", NARROW), "narrow company token": Who("company_admin", NARROW),
    "org token for tokens": Who("org_admin", TOKENS_ONLY),
    "company token for tokens": Who("company_admin", TOKENS_ONLY),
}  # fmt: skip
TARGETS = {
    "company_admin": Who("company_admin"), "company_member": Who("company_member"),
    "full company token": Who("company_admin"), "narrow company token": Who("company_admin", ("campaigns:read",)),
}  # fmt: skip
ON_USERS = ("link", "delete", "logout", "demote", "invite again")
ON_TOKENS = ("rotate", "revoke")
VERBS = {**dict.fromkeys(ON_USERS, "users:write"), **dict.fromkeys((*ON_TOKENS, "token for"), "tokens:write")}


def cells() -> list[tuple[str, str, str]]:
    """Return every actor, verb and target that go together."""
    return [
        (actor, verb, target)
        for actor, verb, target in product(ACTORS, VERBS, TARGETS)
        if ("token" in target) is (verb in ON_TOKENS)
    ]


def allowed(actor: Who, verb: str, target: Who) -> bool:
    """Tell what the rule says."""
    if VERBS[verb] not in actor.may:
        return False
    if verb == "token for":  # it gets the maker's own scopes
        return "users:write" in actor.may and effective(target.role, actor.scopes) <= actor.may
    return (role_permissions(target.role) if verb != "rotate" and verb != "revoke" else target.may) <= actor.may


@dataclass
class Ground:
    """An organization with a company, and a client for each actor."""

    engine: Engine
    org: Organization
    company: Company
    clients: dict[str, httpx.Client]

    def target(self, name: str, verb: str) -> dict[str, Any]:
        """Make a fresh target, as a caller who may."""
        who = TARGETS[name]
        if "token" in name:
            body = {"company_id": self.company.id, "scopes": list(who.scopes) if who.scopes else None}
            return self.org.api.post("/partner/v1/api-tokens", json=body).raise_for_status().json()
        if verb in ("link", "invite again", "delete"):
            return invite(self.org, who.role, self.company)
        person = new_person(self.org, who.role, self.company)
        return {"id": person.id, "email": person.email}

    def act(self, actor: str, verb: str, target: dict[str, Any]) -> httpx.Response:
        """Do it."""
        client, path = self.clients[actor], f"/v1/users/{target['id']}"
        company = {} if ACTORS[actor].is_company else {"company_id": self.company.id}
        again = {"email": target.get("email"), "name": "Again", "role": "company_member", **company}
        calls = {
            "link": lambda: client.post(f"{path}/link"),
            "delete": lambda: client.delete(path),
            "logout": lambda: client.post(f"{path}/logout"),
            "demote": lambda: client.patch(path, json={"role": "company_member"}),
            "invite again": lambda: client.post("/v1/users", json=again),
            "token for": lambda: client.post("/v1/api-tokens", json={"user_id": target["id"], **company}),
            "rotate": lambda: client.post(f"/v1/api-tokens/{target['id']}/rotate", json={}),
            "revoke": lambda: client.delete(f"/v1/api-tokens/{target['id']}"),
        }
        return calls[verb]()


@pytest.fixture(scope="module")
def ground(engine: Engine) -> Ground:
    org = tenant(engine)
    company = company_of(org)
    clients: dict[str, httpx.Client] = {}
    for name, who in ACTORS.items():
        if "token" in name:
            body = {"scopes": list(who.scopes or ()), **({"company_id": company.id} if who.is_company else {})}
            made = org.api.post("/partner/v1/api-tokens", json=body).raise_for_status().json()
            clients[name] = caller(engine, made["token"])
        else:
            person = new_person(org, who.role, company if who.is_company else None)
            clients[name] = caller(engine, person.login()["access_token"])
    return Ground(engine, org, company, clients)


@pytest.mark.parametrize(("actor", "verb", "target"), cells())
def test_no_user_acts_on_a_stronger_one(ground: Ground, actor: str, verb: str, target: str) -> None:
    made = ground.target(target, verb)
    answer = ground.act(actor, verb, made)
    if verb == "invite again":  # answered alike whatever is there: the link tells
        assert link_works(ground, made, answer) is allowed(ACTORS[actor], verb, TARGETS[target])
        return
    assert answer.is_success is allowed(ACTORS[actor], verb, TARGETS[target]), answer.text
    if not answer.is_success:
        assert (answer.status_code, answer.json()["code"]) in ((403, "forbidden"), (403, "beyond_own_permissions"))
        assert stands(ground, made, target)


def link_works(ground: Ground, made: dict[str, Any], answer: httpx.Response) -> bool:
    """Tell whether the answer's link sets the password of the person who was invited before."""
    if not answer.is_success:
        assert answer.status_code == 403
        return False
    with ground.engine.elsewhere() as door:
        body = {"token": answer.json()["link"]["token"], "password": "correct horse battery staple"}
        door.post("/v1/auth/password", json=body)
    user = ground.org.api.get(f"/partner/v1/users/{made['id']}").raise_for_status().json()
    return user["status"] == "active"


def stands(ground: Ground, made: dict[str, Any], target: str) -> bool:
    """Tell whether a target is as it was."""
    kind = "api-tokens" if "token" in target else "users"
    row = ground.org.api.get(f"/partner/v1/{kind}/{made['id']}").raise_for_status().json()
    if kind == "api-tokens":
        return row["revoked_at"] is None and row["replaced_by"] is None
    return row["role"] == TARGETS[target].role and row["status"] in ("invited", "active")


def test_a_token_says_who_made_it(ground: Ground) -> None:
    me = ground.clients["company_admin"].get("/v1/auth/me").raise_for_status().json()["user_id"]
    other = ground.target("company_member", "token for")
    made = ground.act("company_admin", "token for", other).raise_for_status().json()
    assert (made["user_id"], made["made_by"]) == (other["id"], me)
    path = f"/v1/api-tokens/{made['id']}"
    assert ground.clients["company_admin"].get(path).raise_for_status().json()["made_by"] == me
    partner = ground.org.api.post(f"/partner{path}/rotate", json={}).raise_for_status().json()
    assert partner["made_by"] not in (None, me, other["id"])
    seen = ground.clients["company_admin"].get(f"/v1/api-tokens/{partner['id']}").raise_for_status().json()
    assert seen["made_by"] is None, "the partner's people are not the company's to see"
