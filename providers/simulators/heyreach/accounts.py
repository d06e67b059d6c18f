"""The workspace of a key: each starts with three LinkedIn accounts that depend on the key alone."""

import hashlib
import json

from providers.simulators.heyreach.requests import Workspace
from providers.simulators.kit.store import Object, Store

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
        draws = list(dict.fromkeys(digest.digest()))[:SEATS]  # two seats are never one: some keys repeat a byte
        store.insert_all("li_accounts", [_seat(found, mark, draw) for draw in draws])
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
