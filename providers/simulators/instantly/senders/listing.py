"""Listing mailboxes."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.requests import PAGE, Call, Routes, answer
from providers.simulators.instantly.senders.mailboxes import shown
from providers.simulators.kit.store import Object

routes = Routes()

PROVIDERS = (1, 2, 3, 4, 8, 11)
STATES = (1, 2, 3, -1, -2, -3)
FILTERS = tuple(
    f"ACC_FILTER_{name}"
    for name in (
        "PAUSED",
        "ERROR",
        "NO_CTD",
        "PW_ACCOUNTS",
        "DFY",
        "DFY_SETUP_PENDING",
        "W_ACTIVE",
        "W_PAUSED",
        "W_ERROR",
    )
)


@routes.on(
    "GET",
    "/accounts",
    "accounts:read",
    query={
        **PAGE,
        "search": validation.text(),
        "status": validation.number(among=STATES),
        "provider_code": validation.number(among=PROVIDERS),
        "tag_ids": validation.text(),
        "tag_ids_all": validation.text(),
        "include_tags": validation.boolean(),
        "filter": validation.text(among=FILTERS),
        "sort_by": validation.text(among=("timestamp_created", "email", "stat_warmup_score", "status")),
        "sort_order": validation.text(among=("asc", "desc")),
        "skip": validation.number(whole=True, least=0),
    },
)
def list_all(call: Call) -> Response:
    """List mailboxes, the newest first; rows show the warm-up's limit alone."""
    rows = [row for row in call.every("account") if _matches(call, row)]
    by = call.query.get("sort_by")
    if by:
        rows.sort(key=lambda row: (row.get(by), row["email"]), reverse=call.query.get("sort_order") != "asc")
        rest = rows[call.query.get("skip", 0) :]
    else:
        rows.sort(key=_cursor, reverse=True)
        after = call.query.get("starting_after")
        rest = [row for row in rows if after is None or _cursor(row) < _whole(after)]
    page = rest[: call.limit()]
    cursor = {"next_starting_after": _cursor(page[-1])} if page and not by else {}
    return answer({"items": [_row(call, row) for row in page], **cursor})


def _cursor(row: Object) -> str:
    return f"{row['timestamp_created']}&{row['email']}"


def _whole(after: str) -> str:
    return after if "&" in after else f"{after}&"


def _row(call: Call, account: Object) -> Object:
    row = shown(account)
    if "warmup" in row:
        row["warmup"] = {"limit": row["warmup"].get("limit", 0)}
    if call.query.get("include_tags"):
        tags = (entities.find(call.store, call.workspace, "tag", tag) for tag in _tags_of(call, account["email"]))
        row["tags"] = [{name: tag.get(name) or "" for name in ("id", "label", "description")} for tag in tags if tag]
    return row


def _tags_of(call: Call, email: str) -> set[str]:
    return {link["tag_id"] for link in entities.of_parent(call.store, "tag_link", f"{call.workspace}/{email}")}


def _matches(call: Call, row: Object) -> bool:
    query = call.query
    if any(row[name] != query[name] for name in ("status", "provider_code") if name in query):
        return False
    words = f"{row['email']} {row['first_name']} {row['last_name']}".lower()
    if query.get("search", "").lower() not in words:
        return False
    if "tag_ids" in query or "tag_ids_all" in query:
        tags = _tags_of(call, row["email"])
        some, all_ = (set(query[name].split(",")) if name in query else None for name in ("tag_ids", "tag_ids_all"))
        if (some and tags.isdisjoint(some)) or (all_ and not all_ <= tags):
            return False
    return passes(row, query.get("filter"))


def passes(row: Object, name: str | None) -> bool:
    """Return whether a mailbox belongs to one of the FILTERS."""
    verdicts = {
        None: True,
        "ACC_FILTER_PAUSED": row["status"] == 2,
        "ACC_FILTER_ERROR": row["status"] < 0,
        "ACC_FILTER_NO_CTD": not row.get("tracking_domain_name"),
        "ACC_FILTER_W_ACTIVE": row["warmup_status"] == 1,
        "ACC_FILTER_W_PAUSED": row["warmup_status"] == 0,
        "ACC_FILTER_W_ERROR": row["warmup_status"] < 0,
    }
    return verdicts.get(name, False)
