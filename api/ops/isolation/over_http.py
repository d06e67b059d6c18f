"""Isolation probed over HTTP on a running deployment: only reads, with tokens of two organizations."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

import httpx

from api.access.permissions import PUBLIC, ROUTES
from api.http.routes import visible
from api.ops.isolation.report import Section
from api.ops.isolation.timing import timed

LISTED = re.compile(r"^(/v1|/partner/v1)/[a-z-]+$")
MASKED = re.compile(r'"request_id":"[^"]*"|"detail":"[^"]*"')


@dataclass(frozen=True)
class Asker:
    """One token, the tier it has, and whose it is."""

    name: str
    tier: str
    client: httpx.Client


def probe_api(api_url: str, org_tokens: Sequence[str], company_tokens: Sequence[str]) -> Section:
    """Read everything that the first organization's tokens list, then ask for each of it with the second's."""
    with timed(Section("Over HTTP, reads alone")) as section, _askers(api_url, org_tokens, company_tokens) as askers:
        owners = [asker for asker in askers.every if asker.name.startswith("first")]
        strangers = [asker for asker in askers.every if not asker.name.startswith("first")]
        for path in _lists():
            for owner in owners:
                _probe_list(section, owner, strangers, path)
    return section


@dataclass
class _Askers:
    every: list[Asker]

    def __enter__(self) -> "_Askers":
        return self

    def __exit__(self, *_: object) -> None:
        for asker in self.every:
            asker.client.close()


def _askers(api_url: str, org_tokens: Sequence[str], company_tokens: Sequence[str]) -> _Askers:
    made: list[Asker] = []
    organizations: dict[str, str] = {}
    for tier, tokens in (("org", org_tokens), ("company", company_tokens)):
        for token in tokens:
            client = httpx.Client(base_url=api_url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
            organization = str(client.get("/v1/auth/me").raise_for_status().json()["organization_id"])
            place = organizations.setdefault(organization, "first" if not organizations else "second")
            made.append(Asker(f"{place} organization's {tier}", tier, client))
    return _Askers(made)


def _lists() -> list[str]:
    return sorted(
        path
        for (method, path), permission in ROUTES.items()
        if method == "GET" and permission != PUBLIC and LISTED.match(path) and not path.startswith("/v1/auth")
    )


def _probe_list(section: Section, owner: Asker, strangers: Sequence[Asker], path: str) -> None:
    if not visible(owner.tier, path):
        return
    answer = owner.client.get(path, params={"limit": 5})
    if answer.status_code != 200 or "data" not in answer.json():
        section.not_run.append(f"{path} as {owner.name}: answered {answer.status_code}")
        return
    rows: list[Mapping[str, object]] = answer.json()["data"]
    ids = [str(row["id"]) for row in rows if "id" in row]
    section.count(path, "positives")
    for stranger in strangers:
        listed = stranger.client.get(path, params={"limit": 200})
        section.count(path, "probes")
        for shown in ids:
            if shown in listed.text:
                section.fail(path, f"{path}: {stranger.name} lists {shown} of {owner.name}")
        one = next((known for (method, known) in ROUTES if method == "GET" and _is_one_of(known, path)), None)
        if one is not None:
            _probe_ones(section, owner, stranger, one, ids)


def _is_one_of(known: str, path: str) -> bool:
    return known.startswith(f"{path}/{{") and known.endswith("}") and known.count("{") == 1


def _probe_ones(section: Section, owner: Asker, stranger: Asker, path: str, ids: Sequence[str]) -> None:
    prefix = path[: path.index("{")]
    if not visible(stranger.tier, path):
        return
    absent = _likeness(stranger.client.get(f"{prefix}{uuid4()}"))
    for shown in ids:
        if owner.client.get(f"{prefix}{shown}").status_code == 200:
            section.count(path, "positives")
        section.count(path, "probes")
        if _likeness(stranger.client.get(f"{prefix}{shown}")) != absent:
            section.fail(path, f"{path}: {stranger.name} can tell {shown} of {owner.name} from an absent one")


def _likeness(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, MASKED.sub("", answer.text)
