"""No attacker reads a row of another tenant, writes anything or learns of a provider, whatever is requested and how."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, LiteralString

import httpx
import pytest
from psycopg import sql

from tests.dashboards.attackers import ATTACKERS, OTHERS, Scene
from tests.dashboards.filling import Tenants
from tests.dashboards.reading import inside, reader, rows, views_of
from tests.dashboards.test_rightful import PROVIDER_WORDS
from tests.engine import Engine

HIDDEN = ("org_id", "external_id")
FUNCTIONS = ("pre_request", "dashboard_may", "open", "org_id", "scope", "set_scope", "mark_suppressed", "page")
SCHEMAS = ("outbound", "ctx", "jobs", "public", "pg_catalog", "information_schema", "auth")
# When a token was used is noted by the API itself, up to a minute later.
NOTED_LATE = {"api_tokens": ["last_used_at", "updated_at"]}
TABLES: LiteralString = (
    "select n.nspname, c.relname from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace"
    " inner join pg_attribute as a on a.attrelid = c.oid and a.attname = 'org_id'"
    " where n.nspname in ('outbound', 'ctx') and c.relkind in ('r', 'p') and c.relname <> 'lanes' order by 1, 2"
)


@dataclass
class Probe:
    """One request to a relation, and what it must not be answered with."""

    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict[str, str])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    json: Any = None
    refused: bool = False  # for every caller, the rightful one too

    def send(self, client: httpx.Client) -> httpx.Response:
        """Send it; again on a fresh connection where PostgREST has closed one whose body it refused to read."""
        for _ in range(5):
            with suppress(httpx.TransportError):
                return client.request(self.method, self.path, params=self.params, headers=self.headers, json=self.json)
        raise AssertionError(f"no answer to {self}")

    def echo_free(self, answer: httpx.Response) -> str:
        """Return all that an answer says, without the caller's own words, which an error repeats."""
        text = answer.text + str([(name, value) for name, value in answer.headers.items() if "location" not in name])
        for said in (*self.params, *self.params.values(), self.path.rpartition("/")[2]):
            for word in said.removesuffix(".asc").split(","):
                if answer.status_code >= 400 and len(word) > 3:
                    text = text.replace(word, "")
        return text


def reads(view: str, victim: str) -> Iterator[Probe]:
    """Yield the ways of reading a relation."""
    path = f"/{view}"
    yield Probe("GET", path)
    yield Probe("HEAD", path)
    yield Probe("GET", path, {"company_id": f"eq.{victim}"})
    yield Probe("GET", path, {"or": f"(company_id.eq.{victim},company_id.is.null)", "select": "*"})
    yield Probe("GET", path, headers={"Prefer": "count=exact", "Range": "0-0"})
    yield Probe("GET", path, {"limit": "5", "offset": "0"}, {"Accept": "text/csv"})
    yield Probe("GET", path, {"company_id": f"eq.{victim}"}, {"Accept": "application/vnd.pgrst.object+json"})
    yield Probe("GET", path, {"select": "*,companies(*)"}, refused=True)
    yield Probe("GET", path, {"select": "*,campaign_overview!inner(*)"}, refused=True)
    yield Probe("GET", path, {"select": "company_id.count()"}, refused=True)
    yield Probe("GET", path, {"select": "company_id::oid"}, refused=True)
    yield Probe("GET", path, headers={"Accept": "application/vnd.pgrst.plan"}, refused=True)
    yield Probe("GET", path, headers={"Accept": "application/vnd.pgrst.plan+json; options=verbose"}, refused=True)
    for column in HIDDEN:
        yield Probe("GET", path, {"select": f"*,{column}"}, refused=True)
        yield Probe("GET", path, {"order": f"{column}.asc"}, refused=True)
        yield Probe("GET", path, {column: "not.is.null"}, refused=True)
    for schema in SCHEMAS[:3]:
        yield Probe("GET", path, headers={"Accept-Profile": schema}, refused=True)


def writes(view: str, victim: str) -> Iterator[Probe]:
    """Yield the ways of writing to a relation."""
    path, row, own = f"/{view}", {"company_id": victim}, {"company_id": f"eq.{victim}"}
    merging = {"Prefer": "resolution=merge-duplicates,return=representation"}
    yield Probe("POST", path, json=row, refused=True)
    yield Probe("POST", path, headers=merging, json=[row], refused=True)
    yield Probe("POST", path, {"on_conflict": "company_id"}, merging, [row], refused=True)
    yield Probe("POST", path, headers={"Content-Profile": "outbound"}, json=row, refused=True)
    yield Probe("PATCH", path, own, json={"company_id": victim}, refused=True)
    yield Probe("PATCH", path, own, {"Prefer": "tx=commit,return=representation"}, row, refused=True)
    yield Probe("PUT", path, own, json=row, refused=True)
    yield Probe("DELETE", path, own, {"Prefer": "return=representation"}, refused=True)


def elsewhere() -> Iterator[Probe]:
    """Yield requests for what is exposed nowhere: functions, and relations of other schemas."""
    yield Probe("GET", "/")
    for function in FUNCTIONS:
        for schema in ("dashboard", "ctx", "outbound"):
            profile = {"Content-Profile": schema, "Accept-Profile": schema}
            yield Probe("POST", f"/rpc/{function}", headers=profile, json={"permission": "x"}, refused=True)
            yield Probe("GET", f"/rpc/{function}", headers=profile, refused=True)
    for name in ("companies", "events", "hourly_activity", "keys", "credentials", "pg_authid", "stats_hourly"):
        for schema in ("dashboard", *SCHEMAS):
            yield Probe("GET", f"/{name}", headers={"Accept-Profile": schema}, refused=True)


def census(engine: Engine, tenants: Tenants) -> list[tuple[Any, ...]]:
    """Return what every table has of the tenants."""
    orgs = [each.org.id for each in tenants.all]
    with engine.sql() as conn:
        tables = conn.execute(TABLES).fetchall()
        assert len(tables) > 25
        query = sql.SQL(" union all ").join(
            sql.SQL(
                "select {} as name, count(*) as amount, md5(string_agg(d.row, ' ' order by d.row)) as digest"
                " from {} as t cross join lateral (select (to_jsonb(t) - {}::text[])::text as row) as d"
                " where t.org_id = any({}::uuid[])"
            ).format(
                table["relname"],
                sql.Identifier(table["nspname"], table["relname"]),
                sql.Literal(NOTED_LATE.get(table["relname"], [])),
                sql.Literal(orgs),
            )
            for table in tables
        )
        return [tuple(row.values()) for row in conn.execute(query).fetchall()]


@pytest.fixture(scope="module")
def scene(engine: Engine, tenants: Tenants) -> Scene:
    return Scene.of(engine, tenants)


def test_the_victim_reads_what_attackers_want(engine: Engine, scene: Scene) -> None:
    """The same claims that attackers change do show every view, when they are signed anew and unchanged."""
    client = reader(engine, scene.forge.changed(scene.good))
    views = set(views_of(engine)) - {"company_rollup"}
    assert all(rows(client, view, company_id=f"eq.{scene.victim.company.id}") for view in views)
    shown = "".join(client.get(f"/{view}").text for view in views)
    assert {secret for secret in scene.victim.secrets if secret in shown} > {scene.victim.mark}


@pytest.mark.parametrize("name", ATTACKERS)
def test_an_attacker_reads_and_writes_nothing_of_others(engine: Engine, scene: Scene, name: str) -> None:
    client, victim = inside(engine, ATTACKERS[name](scene)), scene.victim.company.id
    secrets = scene.victim.secrets
    if "organization" in name and name in OTHERS:
        secrets |= scene.tenants.two.secrets
    before = census(engine, scene.tenants)
    probes = [probe for view in views_of(engine) for probe in (*reads(view, victim), *writes(view, victim))]
    seen = 0
    for probe in (*probes, *elsewhere()):
        answer = probe.send(client)
        what = f"{name}: {probe}: {answer.status_code} {answer.text[:300]}"
        assert answer.status_code < 500, what
        if probe.refused or name not in OTHERS:
            assert answer.status_code >= 400, what
        if answer.status_code < 400 and probe.params.get("company_id") == f"eq.{victim}":
            assert answer.text in ("", "[]"), what
        said = probe.echo_free(answer)
        assert not PROVIDER_WORDS.search(said), what
        assert [secret for secret in secrets if secret in said] == [], what
        seen += answer.status_code < 300
    assert seen == 0 if name not in OTHERS else seen > 20, "a good token shows rows of its own"
    assert census(engine, scene.tenants) == before
