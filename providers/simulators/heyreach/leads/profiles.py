"""The people on LinkedIn that a workspace knows. A person is a profile URL; everything else may be missing."""

import hashlib
import json
import re
from typing import Any

from providers.simulators.heyreach.validation import Fields, Required, array, model, text
from providers.simulators.kit.store import Object, Row, Store

_PROFILE = re.compile(r"\s*(?:https?://)?(?:[\w-]+\.)?linkedin\.com/in/([^/?#\s]+)(?:[/?#]\S*)?\s*", re.IGNORECASE)
_OPAQUE = re.compile(r"A[CE][A-Za-z0-9]A[A-Za-z0-9_-]+")
_FIELD_NAME = re.compile(r"[a-zA-Z0-9_]+")
_COLUMNS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "location": "location",
    "summary": "summary",
    "companyName": "company_name",
    "position": "position",
    "about": "about",
    "emailAddress": "email",
}
_CUSTOM_FIELD: Fields = {"name": Required(text()), "value": text()}
LEAD: Fields = {
    "profileUrl": text(),
    **{name: text() for name in _COLUMNS},
    "customUserFields": array(model(_CUSTOM_FIELD)),
}


def normalised(url: object) -> str | None:
    """Return the one spelling of a profile URL, or None when it is none.

    Slugs know no case; the `AC…` and `AE…` ids that may stand in their place do.
    """
    match = _PROFILE.fullmatch(url) if isinstance(url, str) else None
    if match is None:
        return None
    slug = match[1] if _OPAQUE.fullmatch(match[1]) else match[1].lower()
    return f"https://www.linkedin.com/in/{slug}"


def username(url: str) -> str:
    """Return the last part of a profile URL."""
    return url.rstrip("/").rpartition("/")[2]


def draw(url: str, salt: str) -> float:
    """Return a number from 0 to 1 that depends on the person and a word alone."""
    return int.from_bytes(hashlib.sha256(f"{salt}:{url}".encode()).digest()[:6]) / 2**48


def member_id(url: str) -> str:
    """Return LinkedIn's number of a person."""
    return str(10_000_000 + int(draw(url, "member") * 1_900_000_000))


def member_urn(url: str) -> str:
    """Return LinkedIn's other name of a person, which looks like `ACoAA…`."""
    return "ACoAA" + hashlib.sha256(url.encode()).hexdigest()[:34]


def well_named(lead: Object) -> bool:
    """Return whether every custom field has a name that the provider allows."""
    pairs: list[Object] = lead.get("customUserFields") or []
    return all(_FIELD_NAME.fullmatch(pair["name"] or "") for pair in pairs)


def save(store: Store, workspace_id: int, url: str, lead: Object, now: str) -> int:
    """Keep what an ask says of a person, over what was known, and return the person's id."""
    given = {column: lead[name] for name, column in _COLUMNS.items() if lead.get(name) is not None}
    found: int | None = store.value("select id from profiles where workspace_id = ? and url = ?", workspace_id, url)
    if found is None:
        fixed = {"workspace_id": workspace_id, "url": url, "linkedin_id": member_id(url), "created_at": now}
        return store.insert("profiles", {**fixed, **given})
    if given:
        assignments = ", ".join(f"{column} = ?" for column in given)
        store.run(
            f"update profiles set {assignments} where id = ?",  # noqa: S608 - names are our own
            *given.values(),
            found,
        )
    return found


def find(store: Store, workspace_id: int, *, url: Any = None, member: Any = None, email: Any = None) -> Row | None:
    """Return the person of the first identifier that is given and known."""
    identifiers = (("url", normalised(url)), ("linkedin_id", member), ("email", email))
    for column, value in identifiers:
        row = value and store.one(
            f"select * from profiles where workspace_id = ? and {column} = ?",  # noqa: S608 - names are our own
            workspace_id,
            str(value),
        )
        if row:
            return row
    return None


def full_name(person: Row) -> str:
    """Return a person's first and last name."""
    return " ".join(part for part in (person["first_name"], person["last_name"]) if part)


def tags(store: Store, profile_id: int) -> list[str]:
    """Return a person's tags in the order of the alphabet."""
    rows = store.all("select tag from profile_tags where profile_id = ? order by tag", profile_id)
    return [row["tag"] for row in rows]


def basic(person: Row) -> Object:
    """Return a person as most answers show one."""
    position, company = person["position"], person["company_name"]
    return {
        "linkedin_id": person["linkedin_id"],
        "profileUrl": person["url"],
        "firstName": person["first_name"],
        "lastName": person["last_name"],
        "headline": f"{position} at {company}" if position and company else position,
        "imageUrl": None,
        "location": person["location"],
        "companyName": company,
        "companyUrl": None,
        "position": position,
        "about": person["about"],
        "connections": 0,
        "followers": 0,
        "emailAddress": person["email"],
    }


def custom_fields(store: Store, profile_id: int) -> list[Object]:
    """Return a person's custom fields from every list; a name may come more than once."""
    rows = store.all("select custom_fields from list_leads where profile_id = ? order by id", profile_id)
    return [pair for row in rows for pair in json.loads(row["custom_fields"])]
