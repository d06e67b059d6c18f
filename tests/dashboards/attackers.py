"""Those who must not read: with no token, with made-up ones, with dead ones, and with good ones of other tenants."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.dashboards.filling import Filled, Tenants
from tests.dashboards.reading import Forge, claims_of, dashboard_token
from tests.engine import Engine, Person

ALL = "conversations:read dashboards:read"


@dataclass
class Scene:
    """Whose rows are wanted, and what attackers have: a good token of the victim's, which they change."""

    engine: Engine
    tenants: Tenants
    forge: Forge
    good: str

    @classmethod
    def of(cls, engine: Engine, tenants: Tenants) -> "Scene":
        """Begin with a fresh token of the first company."""
        return cls(engine, tenants, Forge(engine), dashboard_token(tenants.one.company.api))

    @property
    def victim(self) -> Filled:
        """The company whose rows are wanted."""
        return self.tenants.one

    def new_token(self, **body: Any) -> tuple[str, httpx.Client]:
        """Make an API token of the victim's; return its id and a client with it."""
        made = self.victim.company.api.post("/v1/api-tokens", json=body).raise_for_status().json()
        return made["id"], self.engine.client(made["token"])

    def new_person(self) -> Person:
        """Make a user of the victim's, who is logged in."""
        return self.victim.org.new_person("company_member", self.victim.company)


def ended(scene: Scene) -> str:
    now = int(time.time())
    return scene.forge.changed(scene.good, iat=now - 632, exp=now - 32)


def anon_key(scene: Scene) -> str:
    now = int(time.time())
    claims = {"iss": "supabase", "ref": "abcdefghijklmnopqrst", "role": "anon", "iat": now, "exp": now + 10**8}
    return scene.forge.symmetric(claims, b"a secret of the project's own, of more than 32 bytes")


def logged_out(scene: Scene) -> str:
    api = scene.new_person().api
    token = dashboard_token(api)
    api.post("/v1/auth/logout").raise_for_status()
    return token


def session_of_the_api(scene: Scene) -> str:
    person = scene.new_person()
    person.api.post("/v1/auth/logout").raise_for_status()
    return str(person.tokens["access_token"])


def suspended(scene: Scene) -> str:
    person = scene.new_person()
    token = dashboard_token(person.api)
    body = {"status": "suspended"}
    scene.victim.company.api.patch(f"/v1/users/{person.id}", json=body).raise_for_status()
    return token


def revoked(scene: Scene) -> str:
    made, api = scene.new_token()
    token = dashboard_token(api)
    scene.victim.company.api.delete(f"/v1/api-tokens/{made}").raise_for_status()
    return token


def outlived(scene: Scene) -> str:
    made, api = scene.new_token()
    token = dashboard_token(api)
    with scene.engine.sql() as sql:
        sql.execute(
            "update outbound.api_tokens set expires_at = now() - %s where id = %s", [timedelta(seconds=1), made]
        )
    return token


def narrow(scene: Scene) -> str:
    """A token of too few scopes, in a JWT that says otherwise under our own signature."""
    made, _ = scene.new_token(scopes=["campaigns:read"])
    return scene.forge.changed(scene.good, sid=made, scope=ALL)


def silent(scene: Scene) -> str:
    """A credential that may, in a JWT that says it may not."""
    return scene.forge.changed(scene.good, scope="conversations:read")


def widened(scene: Scene) -> str:
    _, api = scene.new_token(scopes=["dashboards:read"])
    return scene.forge.changed(dashboard_token(api), believe=False, scope=ALL)


def borrowed(scene: Scene) -> str:
    """The victim's claims under the `ctx` of another company's token."""
    theirs = claims_of(dashboard_token(scene.tenants.two.company.api))
    return scene.forge.changed(scene.good, believe=False, ctx=theirs["ctx"])


def swapped(scene: Scene) -> str:
    """Another company's token that names the victim's credential, company and organization."""
    own, wanted = dashboard_token(scene.tenants.foreign.company.api), claims_of(scene.good)
    names = {name: wanted[name] for name in ("sid", "sub", "org_id", "company_id")}
    return scene.forge.changed(own, believe=False, **names)


def promoted(scene: Scene) -> str:
    """A company's credential as the organization's role, as if our own process had signed it."""
    return scene.forge.changed(dashboard_token(scene.tenants.two.company.api), role="dashboard_org")


def with_public_key(scene: Scene) -> str:
    public = scene.forge.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return scene.forge.symmetric(claims_of(scene.good), public)


def with_jwks(scene: Scene) -> str:
    return scene.forge.symmetric(claims_of(scene.good), json.dumps(scene.forge.signer.jwks()).encode())


# What each attacker sends. Only those of OTHERS have tokens that are good, for rows of their own.
ATTACKERS: dict[str, Callable[[Scene], str | None]] = {
    "no token": lambda _: None,
    "an anon key as Supabase makes it": anon_key,
    "no audience": lambda scene: scene.forge.changed(scene.good, "aud"),
    "another audience": lambda scene: scene.forge.changed(scene.good, aud="authenticated"),
    "no issuer": lambda scene: scene.forge.changed(scene.good, "iss"),
    "another use": lambda scene: scene.forge.changed(scene.good, token_use="refresh"),
    "ended 32 seconds ago": ended,
    "another organization": lambda scene: dashboard_token(scene.tenants.foreign.org.api),
    "another organization's company": lambda scene: dashboard_token(scene.tenants.foreign.company.api),
    "another company": lambda scene: dashboard_token(scene.tenants.two.company.api),
    "logged out": logged_out,
    "an access token of a session that was logged out": session_of_the_api,
    "the role of a service": lambda scene: scene.forge.changed(scene.good, role="service_role"),
    "the role postgres": lambda scene: scene.forge.changed(scene.good, role="postgres"),
    "the role of the owner": lambda scene: scene.forge.changed(scene.good, role="outbound_owner"),
    "the role of the organization": promoted,
    "another key": lambda scene: scene.forge.sign(claims_of(scene.good), ec.generate_private_key(ec.SECP256R1())),
    "HS256 with the public key": with_public_key,
    "HS256 with the key document": with_jwks,
    "no signature": lambda scene: scene.forge.symmetric(claims_of(scene.good), b"", alg="none"),
    "the proof of another token": borrowed,
    "another tenant's names": swapped,
    "more scopes": widened,
    "a user who is suspended": suspended,
    "an API token that was revoked": revoked,
    "an API token of too few scopes": narrow,
    "a token of too few scopes": silent,
    "an API token that has expired": outlived,
}
OTHERS = {"another organization", "another organization's company", "another company"}
