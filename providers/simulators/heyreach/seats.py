"""Workspaces and their LinkedIn accounts, which are the senders."""

import hashlib
import json
from typing import Any

from starlette.responses import Response

from providers.simulators.heyreach.binding import Required, page, text, whole
from providers.simulators.heyreach.exchange import Call, Routes, Workspace, answer, empty, refusal
from providers.simulators.heyreach.exchange import page as paged
from providers.simulators.kit.store import Object, Row, Store

routes = Routes()

SEATS = 3
_FIRST = ("Jane", "Omar", "Lena", "Piotr", "Maya", "Tomas", "Ines", "Noah", "Aiko", "Samir", "Clara", "Hugo")
_LAST = ("Roe", "Lind", "Okafor", "Brandt", "Silva", "Novak", "Moreau", "Hale", "Ito", "Rahman", "Costa", "Berg")
LIMITS: Object = {
    "followLimit": 20,
    "followLimitMax": 50,
    "messageLimit": 40,
    "messageLimitMax": 100,
    "inMailLimit": 10,
    "inMailLimitMax": 50,
    "profileViewLimit": 40,
    "profileViewLimitMax": 100,
    "postLikeLimit": 20,
    "postLikeLimitMax": 50,
    "connectioRequestLimit": 20,
    "connectioRequestMax": 40,
}


def open_workspace(store: Store, api_key: str, now: str) -> Workspace:
    """Return the workspace of a key; a new one has three seats that depend on the key alone."""
    digest = hashlib.sha256(api_key.encode())
    mark = digest.hexdigest()[:6]
    name = f"Workspace {mark}"
    found = store.value("select id from workspaces where api_key = ?", api_key)
    if found is None:
        row = {"api_key": api_key, "name": name, "created_at": now}
        found = store.insert("workspaces", row)
        store.insert_all("li_accounts", [_seat(found, mark, digest.digest()[n]) for n in range(SEATS)])
    return Workspace(found, api_key, name)


def _seat(workspace_id: int, mark: str, draw: int) -> Object:
    first, last = _FIRST[draw % len(_FIRST)], _LAST[draw // len(_FIRST) % len(_LAST)]
    slug = f"{first}-{last}-{mark}{draw}".lower()
    return {
        "workspace_id": workspace_id,
        "first_name": first,
        "last_name": last,
        "email": f"{first}.{last}.{draw}@{mark}.example".lower(),
        "profile_url": f"https://www.linkedin.com/in/{slug}",
        "limits": json.dumps(LIMITS),
    }


def brief(seat: Row, *, nameless: bool = False) -> Object:
    """Return a seat as it stands inside a conversation."""
    return {
        "id": seat["id"],
        "emailAddress": seat["email"],
        "firstName": None if nameless else seat["first_name"],
        "lastName": None if nameless else seat["last_name"],
        "authIsValid": bool(seat["auth_is_valid"]),
        "isValidNavigator": False,
        "isValidRecruiter": False,
        "profileUrl": seat["profile_url"],
    }


def full_name(seat: Row) -> str:
    """Return the name a seat writes under."""
    return " ".join(part for part in (seat["first_name"], seat["last_name"]) if part)


def _shown(call: Call, seat: Row) -> Object:
    known = brief(seat, nameless=bool(call.options["nameless_seats"]))
    active = call.store.value(
        "select count(*) from campaign_accounts a join campaigns c on c.id = a.campaign_id"
        " where a.account_id = ? and c.status = 'IN_PROGRESS'",
        seat["id"],
    )
    return {
        **{name: known[name] for name in ("id", "emailAddress", "firstName", "lastName")},
        "isActive": bool(seat["is_active"]),
        "activeCampaigns": active,
        **{name: known[name] for name in ("authIsValid", "isValidNavigator", "isValidRecruiter", "profileUrl")},
        "accountLimits": json.loads(seat["limits"]),
        "connectionRequestCooldown": None,
        "connectionNoteCooldown": None,
        "inMailCooldown": None,
        "searchCooldown": None,
    }


@routes.on("GET", "/auth/CheckApiKey")
def check_key(call: Call) -> Response:
    """Say that the key is good, which every answer but 401 does."""
    del call
    return empty()


@routes.on("POST", "/li_account/GetAll", body={**page(), "keyword": text()})
def list_all(call: Call) -> Response:
    """List the workspace's LinkedIn accounts."""
    word = (call.body["keyword"] or "").lower()
    rows = call.store.all("select * from li_accounts where workspace_id = ? order by id", call.workspace.id)
    return paged(call, [_shown(call, row) for row in rows if word in f"{full_name(row)} {row['email']}".lower()])


@routes.on("GET", "/li_account/GetById", query={"accountId": Required(whole())})
def read(call: Call) -> Response:
    """Read one LinkedIn account."""
    return answer(_shown(call, seat_of(call, call.query["accountId"])))


def seat_of(call: Call, account_id: Any) -> Row:
    """Return a seat of the workspace, or refuse."""
    found = call.seat(account_id)
    if found is None:
        raise refusal("There is no LinkedIn account with provided id.", 404)
    return found
