"""Whether something exists must not be shown to those it does not belong to: addresses, slugs, hooks, keys, cursors."""

import base64
import re
import secrets
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx

from api.access.permissions import PUBLIC, ROUTES
from api.access.vault import LINK_PREFIX, REFRESH_PREFIX
from tests.engine import PASSWORD
from tests.prove.http.attackers import REQUEST_ID
from tests.prove.http.ground import Ground, mark
from tests.prove.http.matrix import Findings, likeness

# What is made anew with each answer.
FRESH = re.compile(rb'obx_[a-z]+_[\w-]+|"(?:expires_at|created_at|updated_at|source_at|id)"\s*:\s*"[^"]*"')
JSON = {"Content-Type": "application/json"}
SAME_REQUEST = {"X-Request-Id": REQUEST_ID}
Pair = tuple[httpx.Response, httpx.Response]


def masked(answer: httpx.Response) -> tuple[Any, ...]:
    """Return an answer without what is new in each: ids, moments, secrets, and the tag made of them."""
    status, headers, body = likeness(answer)
    kept = [(name, value) for name, value in headers if name not in (b"etag", b"content-length")]
    return status, kept, FRESH.sub(b"#", body)


class Oracle:
    """Asks the same about what is there and what is not."""

    def __init__(self, ground: Ground, found: Findings) -> None:
        self.ground = ground
        self.found = found

    def alike(self, name: str, one: httpx.Response, other: httpx.Response, *, statuses: set[int]) -> None:
        """Fail unless two answers are the same and of a right status."""
        self.found.count("oracles")
        self.found.count("probes", 2)
        if one.status_code not in statuses:
            self.found.failures.append(f"oracle {name}: {one.status_code}, not {sorted(statuses)}: {one.text[:200]}")
        if masked(one) != masked(other):
            self.found.failures.append(f"oracle {name}: told apart: {masked(one)} and {masked(other)}")

    def logins(self) -> None:
        """No caller learns by logging in which organizations and which people there are."""
        keeper, ground = self.ground.keeper, self.ground
        unknown = {"organization": keeper.slug, "email": f"{mark()}@example.com", "password": "wrong password!"}
        cases = {
            "a known address": {"email": keeper.email}, "an unknown organization": {"organization": mark()},
            "another organization's slug": {"organization": ground.other.org.slug, "email": keeper.email},
            "somebody invited": {"email": self._invited()},
            "a right password for another's slug": {
                "organization": ground.other.org.slug, "email": keeper.email, "password": PASSWORD,
            },
        }  # fmt: skip
        with ground.engine.elsewhere() as door:
            door.headers.update(SAME_REQUEST)
            absent = door.post("/v1/auth/login", json=unknown)
            for name, change in cases.items():
                answer = door.post("/v1/auth/login", json={**unknown, **change})
                self.alike(f"login, {name}", answer, absent, statuses={401})

    def _invited(self) -> str:
        email = f"{mark()}@example.com"
        body = {"email": email, "name": "Invited", "role": "org_member"}
        self.ground.sibling.org.api.post("/partner/v1/users", json=body).raise_for_status()
        return email

    def secrets(self) -> None:
        """A used or foreign secret is answered like one that never was."""
        ground = self.ground
        with ground.engine.elsewhere() as door:
            door.headers.update(SAME_REQUEST)
            ended = door.post("/v1/auth/refresh", json={"refresh_token": ground.tokens["ended refresh"]})
            for name, token in {
                "never was": ground.engine.vault.new_secret(REFRESH_PREFIX), "made up": f"{REFRESH_PREFIX}{'x' * 49}",
                "an API token": ground.other.company.token, "empty": "",
            }.items():  # fmt: skip
                never = door.post("/v1/auth/refresh", json={"refresh_token": token})
                self.alike(f"refresh token, {name}", ended, never, statuses={401})
            user = ground.other.org.api.post(
                "/partner/v1/users", json={"email": ground.other.email(), "name": "U", "role": "org_member"}
            )
            link = {"token": user.raise_for_status().json()["link"]["token"], "password": PASSWORD}
            door.post("/v1/auth/password", json=link).raise_for_status()
            used = door.post("/v1/auth/password", json=link)
            never = door.post("/v1/auth/password", json={**link, "token": ground.engine.vault.new_secret(LINK_PREFIX)})
            self.alike("link", used, never, statuses={422})

    def emails(self) -> None:
        """The victim's people, leads and suppressed addresses are unknown to other tenants."""
        ground, victim = self.ground, self.ground.victim
        listed = victim.company.api.get("/v1/leads").raise_for_status().json()["data"][0]["email"]
        suppressed = victim.company.api.get("/v1/suppressions").raise_for_status().json()["data"][0]["value"]
        others = {"sibling": ground.sibling.company.api, "other company": ground.other.company.api}
        for who, client in others.items():
            for name, email in {"lead": listed, "suppressed": suppressed, "person": ground.keeper.email}.items():
                fresh = f"p{secrets.token_hex(4)}.{mark()}@{victim.mark}.example"
                self._same(f"{who} searches a {name}", client, "GET", "/v1/leads?email={}", (email, fresh))
                for path, status in (("/v1/suppressions", 201), ("/v1/users", 202)):
                    made = [
                        client.post(path, json=_about(path, value), headers=SAME_REQUEST) for value in (email, fresh)
                    ]
                    # The answer repeats the request: put one word in its place.
                    for answer, value in zip(made, (email, fresh), strict=True):
                        answer._content = answer.content.replace(value.encode(), b"asked")
                    self.alike(f"{who} takes the address of a {name} at {path}", made[0], made[1], statuses={status})
            domains = (f"{victim.mark}.example", f"{mark()}.example")
            self._same(f"{who} searches a domain", client, "GET", "/v1/leads?domain={}", domains)

    def _others(self) -> dict[str, httpx.Client]:
        ground = self.ground
        return {
            "sibling": ground.sibling.company.api,
            "sibling's session": ground.engine.client(ground.tokens["sibling fresh session"]),
            "other company": ground.other.company.api,
        }  # fmt: skip

    def _same(
        self, name: str, client: httpx.Client, method: str, path: str, values: tuple[str, str], **sent: Any
    ) -> None:
        one, other = (client.request(method, path.format(value), headers=SAME_REQUEST, **sent) for value in values)
        expected = {200} if method == "GET" and path.startswith("/v1/") else {404, 405}
        self.alike(name, one, other, statuses=expected)

    def slugs(self) -> None:
        """Another organization's slug cannot be found by trying to take it."""
        ground = self.ground
        for client in (ground.other.org.api, ground.sibling.org.api, ground.other.company.api):
            answers = [
                client.request(method, path, json={"name": "x", "slug": slug}, headers=SAME_REQUEST)
                for method, path in (("PATCH", "/partner/v1/organization"), ("POST", "/platform/v1/organizations"))
                for slug in (ground.victim.org.slug, mark())
            ]
            self.alike("slug of an organization", answers[0], answers[1], statuses={404, 422})
            self.alike("slug at the operator's", answers[2], answers[3], statuses={404})

    def hooks(self) -> None:
        """A webhook's path is found only by callers who know all of it."""
        real = self.ground.hook_path
        near = {"cut": real[:-1], "longer": real + "A", "upper": real.upper(), "flipped": real[:-2] + "__"}
        with self.ground.engine.client() as anonymous:
            for name, path in near.items():
                paths = (path, f"/hooks/{self.ground.engine.vault.new_path_token()}")
                self._same(f"hook, {name}", anonymous, "POST", "{}", paths, content=b"{}")
            for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS"):
                unknown = f"/hooks/{self.ground.engine.vault.new_path_token()}"
                self._same(f"hook by {method}", anonymous, method, "{}", (real, unknown))

    def unsubscribe_links(self) -> None:
        """Every token gets the same page, and one that was not made by our keys changes nothing."""
        victim = self.ground.victim
        body = UUID(victim.org.id).bytes + UUID(victim.ids["lead_id"]).bytes + bytes(16)
        forged = base64.urlsafe_b64encode(body).decode()
        with self.ground.engine.client() as anonymous:
            for method in ("GET", "POST", "HEAD"):
                pages = [anonymous.request(method, f"/u/{token}", headers=SAME_REQUEST) for token in (forged, mark())]
                self.alike(f"unsubscribing by {method}", pages[0], pages[1], statuses={200})
        lead = victim.company.api.get(f"/v1/leads/{victim.ids['lead_id']}/contactability").raise_for_status()
        if lead.json()["contactable"] is not True:
            self.found.failures.append("a forged link unsubscribed a person")

    def idempotency_keys(self) -> None:
        """A key is its credential's own: another's is as unused as a fresh one, whatever the request."""
        owner = self.ground.victim.company.api
        body = {"name": "Mine", "capability": "email_outreach"}
        for who, client in self._others().items():
            for wanted in (body, {**body, "name": "Other"}):
                used = secrets.token_hex(8)
                first, again = (
                    owner.post("/v1/campaigns", json=body, headers={"Idempotency-Key": used}) for _ in range(2)
                )
                if again.content != first.content or again.headers.get("idempotency-replayed") != "true":
                    self.found.failures.append(f"control: a key of one's own is not replayed: {again.text[:200]}")
                one, other = (
                    client.post("/v1/campaigns", json=wanted, headers={**SAME_REQUEST, "Idempotency-Key": key})
                    for key in (used, secrets.token_hex(8))
                )
                self.alike(f"idempotency key, {who}", one, other, statuses={201})
                if first.json()["id"] in one.text:
                    self.found.failures.append(f"{who} was answered with the victim's campaign")

    def cursors(self) -> None:
        """The victim's cursor opens nothing, nor does its ETag."""
        ground, victim = self.ground, self.ground.victim
        empty = ground.other.org.new_company("Empty").api
        absent = victim.company.api.get("/v1/campaigns", params={"limit": 1}).json()["next_cursor"]
        for name in ("campaigns", "leads", "suppressions"):
            cursor = victim.company.api.get(f"/v1/{name}", params={"limit": 1}).raise_for_status().json()["next_cursor"]
            if cursor is None:
                self.found.failures.append(f"control: the victim has one row only in /v1/{name}")
                continue
            self._same(f"cursor of {name}", empty, "GET", f"/v1/{name}?cursor={{}}", (cursor, absent))
        path = f"/v1/campaigns/{victim.ids['campaign_id']}"
        tag = victim.company.api.get(path).raise_for_status().headers["etag"]
        for who, client in self._others().items():
            answers = [
                client.patch(path, json={"name": "x"}, headers={**SAME_REQUEST, "If-Match": value})
                for value in (tag, '"0123456789abcdef01234567"', "*")
            ]
            for answer in answers[1:]:
                self.alike(f"ETag, {who}", answers[0], answer, statuses={404})

    def open_doors(self) -> None:
        """Addresses that ask for nothing show nothing."""
        with self.ground.engine.client() as anonymous:
            for method, path in sorted(ROUTES):
                if ROUTES[(method, path)] != PUBLIC:
                    continue
                answer = anonymous.request(method, re.sub(r"{\w+}", "x", path), content=b"{}", headers=JSON)
                self.found.count("probes")
                if answer.status_code >= 500 or self.ground.victim.mark in answer.text:
                    self.found.failures.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
                if path not in OPEN:
                    self.found.failures.append(
                        f"{method} {path} needs no credential: say in OPEN, tests/prove/http/oracles.py, what probes it"
                    )


# Which addresses ask for no credential, and what probes them.
OPEN = {
    "/healthz": "open_doors", "/readyz": "open_doors", "/.well-known/jwks.json": "open_doors",
    "/.well-known/openid-configuration": "open_doors",
    "/hooks/{path_token}": "hooks", "/v1/auth/login": "logins", "/v1/auth/refresh": "secrets",
    "/v1/auth/password": "secrets", "/u/{token}": "unsubscribe_links",
}  # fmt: skip


def _about(path: str, email: str) -> dict[str, str]:
    return {"email": email} if path == "/v1/suppressions" else {"email": email, "name": "Somebody"}


def run(ground: Ground, found: Findings, progress: Callable[[str], None]) -> None:
    """Ask all of it."""
    oracle = Oracle(ground, found)
    for part in (
        oracle.open_doors, oracle.logins, oracle.secrets, oracle.emails, oracle.slugs, oracle.hooks,
        oracle.unsubscribe_links, oracle.idempotency_keys, oracle.cursors,
    ):  # fmt: skip
        part()
    progress(f"{found.counts['oracles']} oracles, {len(found.failures)} failures in all")


__all__ = ["run"]
