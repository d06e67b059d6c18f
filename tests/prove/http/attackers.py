"""Who tries: each with one credential that is none, was one, says too little, or is another tenant's."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from api.access.permissions import ROLES, SELF
from tests.engine import Engine
from tests.prove.http.asks import Operation
from tests.prove.http.forgery import Forge
from tests.prove.http.ground import Ground, Side

REQUEST_ID = "the-same-for-all"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIER_OF = {"/platform/": ("platform",), "/partner/": ("org",), "/v1/": ("org", "company")}


@dataclass(frozen=True)
class Attacker:
    """One credential. `kind` tells what is wrong with it:

    none      no credential, or nothing that could be one
    refused   one that was good once
    weak      one of the victim's own, with too few rights or for another tier
    foreign   a good one of another tenant
    """

    name: str
    kind: str
    tier: str | None
    side: Side
    client: httpx.Client
    role: str | None = None
    scopes: frozenset[str] | None = None
    blind: frozenset[str] = frozenset()  # ids that it may never see

    def may(self, operation: Operation) -> bool:
        """Tell whether its role and scopes include an operation, by the table alone."""
        if operation.permission == SELF:
            return self.tier != "platform"
        if operation.permission not in ROLES.get(self.role or "", ()):
            return False
        return self.scopes is None or operation.permission in self.scopes

    def expected(self, operation: Operation, place: str) -> set[int] | None:
        """Return the statuses that are right; None when this is no attack."""
        if self.kind == "none":
            return {401}
        tiers = next(tiers for prefix, tiers in TIER_OF.items() if operation.path.startswith(prefix))
        if self.tier not in tiers:
            return {404}
        if self.kind == "refused":
            return {401}
        if not self.may(operation):
            return {403}
        return None if self.kind == "weak" else _of_another_tenant(operation, place)


def _of_another_tenant(operation: Operation, place: str) -> set[int]:
    reading = operation.method == "GET"
    if place == "path":
        return {404}
    if place.startswith("query"):
        return {200, 404} if reading else {404, 422}
    if place.startswith("body"):
        return {422}
    # About its own things: it may do that, unless it is done already; leaving, a session ends with the first time.
    return {200} if reading else {200, 201, 202, 204, 401 if operation.permission == SELF else 409, 409}


def census_of_ids(engine: Engine, org_id: str) -> dict[str, str | None]:
    """Return every id of an organization's rows, with the company that each belongs to."""
    found: dict[str, str | None] = {org_id: None}
    with engine.sql() as sql:
        tables = sql.execute(
            "select c.table_name as name, bool_or(c.column_name = 'company_id') as has_company,"
            " bool_or(c.column_name = 'id') as has_id from information_schema.columns as c"
            " where c.table_schema = 'outbound' group by 1 having bool_or(c.column_name = 'org_id')"
        ).fetchall()
        for table in tables:
            if table["has_id"]:
                own = "id" if table["name"] == "companies" else "company_id" if table["has_company"] else "null::uuid"
                query = f"select id, {own} as company from outbound.{table['name']} where org_id = %s"  # noqa: S608
                for row in sql.execute(query.encode(), [org_id]).fetchall():
                    found[str(row["id"])] = str(row["company"]) if row["company"] else None
    return found


def every_attacker(ground: Ground, forge: Forge) -> list[Attacker]:
    """Return all of them."""
    engine, victim = ground.engine, ground.victim
    ids = census_of_ids(engine, victim.org.id)
    all_ids = frozenset(ids)
    near = frozenset(i for i, company in ids.items() if company != ground.sibling.company.id) - {victim.org.id}
    near -= {ground.sibling.ids["spare_company_id"]}
    made: list[Attacker] = []

    def add(name: str, kind: str, tier: str | None, token: str | None, **more: object) -> None:
        given = {"side": victim, "blind": all_ids, **more}
        client = engine.client(token)
        client.headers["X-Request-Id"] = REQUEST_ID
        made.append(Attacker(name, kind, tier, client=client, **given))  # type: ignore[arg-type]

    add("no token", "none", None, None)
    for name, token in _nobodies(ground, forge).items():
        add(name, "none", None, token)
    _of_the_victim(ground, add)
    other = {"side": ground.other}
    add("other org's admin token", "foreign", "org", ground.other.org.token, role="org_admin", **other)
    add("other org's member session", "foreign", "org", ground.tokens["other member"], role="org_member", **other)
    add("other org's company", "foreign", "company", ground.other.company.token, role="company_admin", **other)
    own = {"side": ground.sibling, "blind": near, "role": "company_admin"}
    add("sibling's token", "foreign", "company", ground.sibling.company.token, **own)
    add("sibling's session", "foreign", "company", ground.tokens["sibling session"], **own)
    return made


def _of_the_victim(ground: Ground, add: Callable[..., None]) -> None:
    """Add what was good once, and the victim's own credentials that are good for less."""
    tokens, keys = ground.tokens, ground.engine.vault
    for name in ("revoked org", "expired org"):
        add(f"{name} token", "refused", "org", tokens[name])
    add("unknown org token", "refused", "org", keys.new_token("org"))
    add("unknown platform token", "refused", "platform", keys.new_token("platform"))
    for name in ("revoked company", "expired company", "suspended token", "suspended session", "ended session"):
        add(name, "refused", "company", tokens[name])
    add("platform token", "weak", "platform", ground.operator, role="platform_admin")
    add("own org token", "weak", "org", ground.victim.org.token, role="org_admin")
    add("own company token", "weak", "company", ground.victim.company.token, role="company_admin")
    add("org member", "weak", "org", tokens["org member"], role="org_member")
    add("company member", "weak", "company", tokens["company member"], role="company_member")
    for tier in ("org", "company"):
        for scope in ("campaigns:read", "senders:read"):
            narrow = frozenset({scope})
            add(f"{tier} {scope}", "weak", tier, tokens[f"{tier} {scope}"], role=f"{tier}_admin", scopes=narrow)


def _nobodies(ground: Ground, forge: Forge) -> dict[str, str]:
    good, access = ground.victim.company.token, ground.keeper.tokens["access_token"]
    return {
        "malformed token": "obx_co_not-a-token",
        "mistyped token": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "token of another prefix": "obx_org_" + good.removeprefix("obx_co_"),
        "refresh token": ground.keeper.tokens["refresh_token"],
        "device token": ground.keeper.tokens["device_token"],
        "HS256 JWT": forge.table["HS256 with the public key as PEM"],
        "unsigned JWT": forge.table["alg none"],
        "expired JWT": forge.table["expired"],
        "JWT of a foreign kid": forge.table["kid unknown, own key"],
        "JWT of another key": forge.table["another key, our kid"],
        "JWT cut short": access.rpartition(".")[0] + ".",
    }
