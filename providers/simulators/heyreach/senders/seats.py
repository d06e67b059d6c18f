"""LinkedIn accounts, which are the senders."""

import json
from typing import Any

from starlette.responses import Response

from providers.simulators.heyreach.requests import Call, Routes, empty, refusal
from providers.simulators.heyreach.requests import page as paged
from providers.simulators.heyreach.validation import page, text
from providers.simulators.kit.store import Object, Row

routes = Routes()


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


def shown(call: Call, seat: Row) -> Object:
    """Return a seat as the provider lists it."""
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
    return paged(call, [shown(call, row) for row in rows if word in f"{full_name(row)} {row['email']}".lower()])


def seat_of(call: Call, account_id: Any) -> Row:
    """Return a seat of the workspace, or refuse."""
    found = call.seat(account_id)
    if found is None:
        raise refusal("There is no LinkedIn account with provided id.", 404)
    return found
