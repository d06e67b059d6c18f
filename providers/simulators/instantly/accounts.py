"""Reading, creating and changing email accounts."""

from starlette.responses import Response

from providers.simulators.instantly import ajv, entities, mailboxes
from providers.simulators.instantly.exchange import PAGE, Call, RefusedError, Routes, answer
from providers.simulators.instantly.mailboxes import address, shown
from providers.simulators.kit.store import Object

routes = Routes()

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
_PROVIDERS = (1, 2, 3, 4, 8, 11)
_STATES = (1, 2, 3, -1, -2, -3)
_WARMUP = ajv.obj(
    {
        "limit": ajv.number(),
        "increment": ajv.text(among=("disabled", "0", "1", "2", "3", "4")),
        "reply_rate": ajv.number(),
        "warmup_custom_ftag": ajv.text(),
        "advanced": ajv.obj(
            {
                **dict.fromkeys(("warm_ctd", "read_emulation", "weekday_only"), ajv.boolean()),
                **dict.fromkeys(("open_rate", "important_rate", "spam_save_rate"), ajv.number()),
            }
        ),
    }
)
_WRITABLE: ajv.Fields = {
    "warmup": _WARMUP,
    "daily_limit": ajv.number(null=True),
    "tracking_domain_name": ajv.text(null=True),
    "tracking_domain_status": ajv.text(null=True),
    "enable_slow_ramp": ajv.boolean(null=True),
    "inbox_placement_test_limit": ajv.number(least=0, null=True),
    "sending_gap": ajv.number(least=0, most=1440),
    "signature": ajv.text(null=True),
    "reply_to": ajv.text(null=True),
    "skip_cname_check": ajv.boolean(),
}
_SECRETS = ("imap_username", "imap_password", "imap_host", "smtp_username", "smtp_password", "smtp_host")
_NOT_SHOWN = {*_SECRETS, "imap_port", "smtp_port", "skip_cname_check", "warmup_custom_ftag"}


@routes.on(
    "POST",
    "/accounts",
    "accounts:create",
    body={
        "email": ajv.Required(ajv.text("email")),
        "first_name": ajv.Required(ajv.text()),
        "last_name": ajv.Required(ajv.text()),
        "provider_code": ajv.Required(ajv.number(among=_PROVIDERS)),
        **dict.fromkeys(_SECRETS, ajv.Required(ajv.text())),
        **dict.fromkeys(("imap_port", "smtp_port"), ajv.Required(ajv.number())),
        **_WRITABLE,
        "warmup_custom_ftag": ajv.text(),
    },
)
def create(call: Call) -> Response:
    """Connect a mailbox; its credentials are never shown again."""
    email = call.body["email"].lower()
    if entities.find(call.store, call.workspace, "account", email):
        raise RefusedError(400, "Email account already exists")
    fields = {name: value for name, value in call.body.items() if name not in _NOT_SHOWN}
    return answer(shown(mailboxes.keep(call.store, call.workspace, {**fields, "email": email}, call.now)))


@routes.on(
    "GET",
    "/accounts",
    "accounts:read",
    query={
        **PAGE,
        "search": ajv.text(),
        "status": ajv.number(among=_STATES),
        "provider_code": ajv.number(among=_PROVIDERS),
        "tag_ids": ajv.text(),
        "tag_ids_all": ajv.text(),
        "include_tags": ajv.boolean(),
        "filter": ajv.text(among=FILTERS),
        "sort_by": ajv.text(among=("timestamp_created", "email", "stat_warmup_score", "status")),
        "sort_order": ajv.text(among=("asc", "desc")),
        "skip": ajv.number(whole=True, least=0),
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


def find(call: Call) -> Object:
    """Return the mailbox named in the path, or refuse."""
    return call.find("account", address(call.params["email"]))


@routes.on("GET", "/accounts/{email}", "accounts:read")
def read(call: Call) -> Response:
    """Read one mailbox."""
    return answer(shown(find(call)))


@routes.on(
    "PATCH",
    "/accounts/{email}",
    "accounts:update",
    body={**_WRITABLE, "first_name": ajv.text(), "last_name": ajv.text(), "remove_tracking_domain": ajv.boolean()},
)
def change(call: Call) -> Response:
    """Change a mailbox."""
    changes = {name: value for name, value in call.body.items() if name != "skip_cname_check"}
    if changes.pop("remove_tracking_domain", False):
        changes |= {"tracking_domain_name": None, "tracking_domain_status": None}
    found = find(call)
    if "warmup" in changes:
        changes["warmup"] = {**found.get("warmup", {}), **changes["warmup"]}
    return answer(shown(call.save("account", {**found, **changes, "timestamp_updated": call.now})))


@routes.on("DELETE", "/accounts/{email}", "accounts:delete")
def delete(call: Call) -> Response:
    """Disconnect a mailbox."""
    found = find(call)
    entities.delete(call.store, call.workspace, "account", found["email"])
    return answer(shown(found))
