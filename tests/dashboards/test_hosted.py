"""Dashboards on hosted Supabase: the project's own PostgREST serves them beside what it served before."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from api.access.access_tokens import Signer
from api.dev import dashboards
from tests.engine import Engine, wait_for
from tests.support.ports import free_port

OF_THE_PROJECT = """
    create role anon nologin noinherit;
    create role authenticated nologin noinherit;
    create role service_role nologin noinherit bypassrls;
    create role authenticator login noinherit password 'theirs';
    grant anon, authenticated, service_role to authenticator;
    create table public.notes (id int primary key, text text);
    insert into public.notes values (1, 'of the project');
    grant select on public.notes to anon, authenticated, service_role;
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Start an engine whose database is also a Supabase project's."""
    engine = Engine.start(tmp_path_factory.mktemp("hosted"))
    with engine.sql() as sql:
        sql.execute(OF_THE_PROJECT)
    yield engine
    engine.stop()


def migrate(engine: Engine) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "api.cli", "migrate", "--supabase"]
    environment = {**os.environ, **engine.folder.environment()}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=120)


@pytest.fixture(scope="module")
def hosted(project: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a PostgREST as Supabase does, and set up dashboards while it runs; return its address."""
    program = dashboards.install()
    jwks = tmp_path_factory.mktemp("keys") / "jwks.json"
    jwks.write_text(json.dumps(Signer.from_settings(project.folder.settings()).jwks()))
    port = free_port()
    address = project.dev["database_urls"]["admin"].split("@")[1]
    environment = {
        "PGRST_DB_URI": f"postgresql://authenticator:theirs@{address}",
        "PGRST_DB_SCHEMAS": "public",
        "PGRST_DB_ANON_ROLE": "anon",
        "PGRST_JWT_SECRET": f"@{jwks}",
        "PGRST_SERVER_PORT": str(port),
    }
    with (Path(jwks).parent / "postgrest.log").open("wb") as log:
        process = subprocess.Popen([str(program)], env={**os.environ, **environment}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    wait_for("PostgREST", lambda: answered(url))
    done = migrate(project)
    assert (done.returncode, done.stderr) == (0, "")
    assert "PostgREST serves public, graphql_public, dashboard" in done.stdout
    wait_for("the new schema", lambda: httpx.get(url, headers={"Accept-Profile": "dashboard"}).status_code != 406)
    yield url
    process.terminate()
    process.wait(timeout=30)


def answered(url: str) -> bool:
    try:
        return httpx.get(f"{url}/notes").status_code == 200
    except httpx.HTTPError:
        return False


def read(url: str, view: str, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Accept-Profile": "dashboard"}
    return httpx.get(f"{url}/{view}", headers=headers)


def token_of(engine: Engine, company: Any) -> str:
    return company.api.post("/v1/auth/dashboard-token").raise_for_status().json()["token"]


def test_a_company_reads_its_own_rows_and_the_project_goes_on(project: Engine, hosted: str) -> None:
    organization = project.new_organization()
    company, other = organization.new_company("One"), organization.new_company("Two")
    for each in (company, other):
        body = {"name": f"Campaign of {each.name}", "capability": "email_outreach"}
        each.api.post("/v1/campaigns", json=body).raise_for_status()
    rows = read(hosted, "campaign_overview", token_of(project, company)).raise_for_status().json()
    assert [row["name"] for row in rows] == ["Campaign of One"]
    assert httpx.get(f"{hosted}/notes").json() == [{"id": 1, "text": "of the project"}]


def test_the_projects_own_roles_read_nothing_of_ours(project: Engine, hosted: str) -> None:
    signer = Signer.from_settings(project.folder.settings())
    kid, key = next(iter(signer._keys.items()))
    for role in ("anon", "authenticated", "service_role"):
        token = jwt.encode({"role": role, "aud": "outbound"}, key, algorithm="ES256", headers={"kid": kid})
        answer = read(hosted, "campaign_overview", token)
        assert (answer.status_code in (401, 403), answer.json()["code"]) == (True, "42501")
    assert httpx.get(f"{hosted}/campaign_overview", headers={"Accept-Profile": "dashboard"}).status_code == 401


def test_setting_it_up_again_changes_nothing(project: Engine, hosted: str) -> None:
    done = migrate(project)
    assert done.returncode == 0
    with project.sql() as sql:
        row = sql.execute("select rolconfig from pg_roles where rolname = 'authenticator'").fetchone() or {}
    assert sorted(row["rolconfig"]) == [
        "pgrst.db_pre_request=public.outbound_pre_request", "pgrst.db_schemas=public, graphql_public, dashboard",
    ]  # fmt: skip
    assert httpx.get(f"{hosted}/notes").status_code == 200


def test_a_function_of_the_projects_own_is_kept_and_what_to_do_is_said(project: Engine, hosted: str) -> None:
    with project.sql() as sql:
        sql.execute("alter role authenticator set pgrst.db_pre_request = 'public.check_request'")
        done = migrate(project)
        row = sql.execute("select rolconfig from pg_roles where rolname = 'authenticator'").fetchone() or {}
        sql.execute("alter role authenticator set pgrst.db_pre_request = 'public.outbound_pre_request'")
    assert done.returncode == 1
    assert "add `perform public.outbound_pre_request();` to it" in done.stderr
    assert "pgrst.db_pre_request=public.check_request" in row["rolconfig"]


def test_where_there_is_no_such_role_it_is_refused(engine: Engine) -> None:
    done = migrate(engine)
    assert done.returncode == 1
    assert "so this is not Supabase" in done.stderr
