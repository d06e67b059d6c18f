"""People with passwords and sessions, over HTTP. Every answer they get is checked against the contract."""

import json
import os
import random
import re
import secrets
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator

from api.access.vault import Vault, last_four
from api.app import ROUTERS
from api.dev.home import Home, State
from tests.engine import Company, Engine, Organization, wait_for
from tests.support.ports import free_port

PASSWORD = "correct horse battery staple"
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used: everything here speaks plain HTTP
HIDDEN = {400, 404, 405}  # a body that is no JSON, and an address that is not there for this caller


@cache
def contract() -> list[tuple[str, re.Pattern[str], dict[str, Draft202012Validator | None]]]:
    """Return each documented operation: its method, its path, and what checks the body of each status."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    whole = get_openapi(title="all", version="1", routes=[route for route in routes if route.include_in_schema])
    found = []
    for path, operations in whole["paths"].items():
        pattern = re.compile(re.sub(r"{\w+}", "[^/]+", path))
        for method, operation in operations.items():
            checks: dict[str, Draft202012Validator | None] = {}
            for status, answer in operation["responses"].items():
                kinds = answer.get("content", {}).values()
                schema = next((kind["schema"] for kind in kinds if "schema" in kind), None)
                document = {**schema, "components": whole["components"]} if schema else None
                checks[status] = Draft202012Validator(document) if document else None
            found.append((method.upper(), pattern, checks))
    return found


def conforms(answer: httpx.Response) -> None:
    """Fail unless an answer is one that its operation's OpenAPI document promises."""
    answer.read()
    path = answer.request.url.path
    for method, pattern, checks in contract():
        if method != answer.request.method or not pattern.fullmatch(path):
            continue
        status = str(answer.status_code)
        if status not in checks:
            if status == "409" and answer.json()["code"] == "idempotency_in_progress":
                return  # whether it is documented has a test of its own
            assert answer.status_code in HIDDEN, f"{method} {path}: {status} is not documented: {answer.text[:300]}"
            return
        check = checks[status]
        if answer.headers.get("content-type", "").startswith("text/csv"):
            return  # a file: the test that asks for it reads it
        assert (check is None) == (answer.content == b""), f"{method} {path}: {status} {answer.text[:300]}"
        if check is not None:
            errors = [f"{error.json_path}: {error.message}" for error in check.iter_errors(answer.json())]
            assert errors == [], f"{method} {path}: {status}: {errors}"
        return


def watched(client: httpx.Client) -> httpx.Client:
    """Check every answer that a client gets against the contract."""
    client.event_hooks["response"].append(conforms)
    return client


def network() -> str:
    """Return a loopback address in a network of its own: tries are counted per /24."""
    return f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"


@contextmanager
def door(engine: Engine, address: str | None = None, url: str | None = None) -> Iterator[httpx.Client]:
    """Open a client without a credential, from a network of its own unless one is named."""
    transport = httpx.HTTPTransport(local_address=address or network(), verify=TLS)
    with httpx.Client(base_url=url or engine.api_url, transport=transport, timeout=60) as client:
        yield watched(client)


def caller(engine: Engine, token: str, url: str | None = None) -> httpx.Client:
    """Return a client with a credential. It is cheaper than the engine's own: nothing is read for TLS."""
    headers = {"Authorization": f"Bearer {token}"}
    engine.clients.append(httpx.Client(base_url=url or engine.api_url, headers=headers, timeout=60, verify=TLS))
    return watched(engine.clients[-1])


def tenant(engine: Engine) -> Organization:
    """Make a fresh organization."""
    org = engine.new_organization()
    watched(org.api)
    return org


def company_of(org: Organization, name: str = "Company") -> Company:
    """Make a company of an organization, with a token."""
    company = org.new_company(name)
    watched(company.api)
    return company


def home_of(engine: Engine) -> Home:
    """Return the folder of the running engine, for its keys."""
    return Home(engine.home, State(**json.loads((engine.home / "state.json").read_text())))


def vault_of(engine: Engine) -> Vault:
    """Return the keys of the running engine."""
    return Vault.from_settings(home_of(engine).settings())


def slug_of(org: Organization) -> str:
    """Return under which name the people of an organization log in."""
    return str(org.api.get("/partner/v1/organization").raise_for_status().json()["slug"])


def new_email() -> str:
    """Return an address that no user has."""
    return f"person.{secrets.token_hex(5)}@example.com"


@dataclass
class Person:
    """A user who can log in."""

    id: str
    slug: str
    email: str
    engine: Engine
    password: str = PASSWORD

    def try_login(self, **changes: Any) -> httpx.Response:
        """Log in from a network of one's own; `changes` replace parts of the body."""
        body = {"organization": self.slug, "email": self.email, "password": self.password, **changes}
        with door(self.engine) as client:
            return client.post("/v1/auth/login", json=body)

    def login(self) -> dict[str, Any]:
        """Log in and return the tokens."""
        return self.try_login().raise_for_status().json()

    def session(self) -> httpx.Client:
        """Log in and return a client with the session's access token."""
        return caller(self.engine, self.login()["access_token"])


def invite(org: Organization, role: str, company: Company | None = None, email: str | None = None) -> dict[str, Any]:
    """Invite a user as the partner does and return the user with the link."""
    body = {"email": email or new_email(), "name": "Somebody", "role": role}
    if company is not None:
        body["company_id"] = company.id
    return org.api.post("/partner/v1/users", json=body).raise_for_status().json()


def set_password(engine: Engine, link: str, password: str = PASSWORD) -> httpx.Response:
    """Use a link."""
    with door(engine) as client:
        return client.post("/v1/auth/password", json={"token": link, "password": password})


def new_person(org: Organization, role: str = "org_admin", company: Company | None = None) -> Person:
    """Invite a user, who sets a password."""
    user = invite(org, role, company)
    set_password(org.engine, user["link"]["token"]).raise_for_status()
    return Person(user["id"], slug_of(org), user["email"], org.engine)


def more_people(like: Person, org: Organization, company: Company | None, amount: int) -> list[Person]:
    """Invite many people at once who all have one person's password; the hash is copied, hashing is slow by design."""
    role = "org_member" if company is None else "company_member"
    users = [invite(org, role, company) for _ in range(amount)]
    with like.engine.sql() as sql:
        sql.execute(
            "update outbound.users set status = 'active', password_hash = (select u.password_hash from outbound.users"
            " as u where u.id = %s) where id = any(%s)",
            [like.id, [user["id"] for user in users]],
        )
    return [Person(user["id"], like.slug, user["email"], like.engine) for user in users]


def operator(engine: Engine) -> httpx.Client:
    """Return a client with an operator's token."""
    token = engine.vault.new_token("platform")
    with engine.sql() as sql:
        sql.execute(
            "insert into outbound.platform_tokens (name, hmac, last_four) values ('test', %s, %s)",
            [vault_of(engine).token_hmac(token), last_four(token)],
        )
    return caller(engine, token)


@contextmanager
def second_api(engine: Engine, **settings: str) -> Iterator[str]:
    """Run one more API process on the engine's database, with other settings, and return its address."""
    port = str(free_port())
    given = {f"OUTBOUND_{name.upper()}": value for name, value in settings.items()}
    own = {"OUTBOUND_PORT": port, "OUTBOUND_METRICS_PORT": "0", "OUTBOUND_HOME": "", **given}
    url = f"http://127.0.0.1:{port}"
    with (engine.home / "second-api.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "serve"],
            env={**os.environ, **home_of(engine).environment(), **own}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for("the second API", lambda: _answers(url), 30)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=240)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=30, verify=TLS).status_code == 200
    except httpx.HTTPError:
        return False
