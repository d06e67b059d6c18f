"""Moving or copying leads between campaigns and lists, in the background, and in and out of subsequences."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import ids
from providers.simulators.instantly.leads import block_list, jobs, leads
from providers.simulators.instantly.leads.read import CHOICE, Choice
from providers.simulators.instantly.leads.subsequence import enter
from providers.simulators.instantly.requests import Call, RefusedError, Routes, answer
from providers.simulators.kit.store import Object, Row, Store

routes = Routes()

_LISTED = 0


@routes.on(
    "POST",
    "/leads/move",
    "leads:update",
    body={
        **CHOICE,
        "to_campaign_id": validation.text("uuid"),
        "to_list_id": validation.text("uuid"),
        "limit": validation.number(),
        "assigned_to": validation.text("uuid"),
        "esp_code": validation.number(),
        **dict.fromkeys(
            (
                "copy_leads",
                "check_duplicates",
                "check_duplicates_in_campaigns",
                "skip_leads_in_verification",
                "reset_interest_status",
                "ignore_resource_filter_clauses",
            ),
            validation.boolean(),
        ),
    },
)
def move(call: Call) -> Response:
    """Start a job that moves the leads that match."""
    body = call.body
    if bool(body.get("to_campaign_id")) == bool(body.get("to_list_id")):
        raise RefusedError(400, "Exactly one of to_campaign_id or to_list_id must be provided")
    if body.get("ids") and not body.get("campaign") and not body.get("list_id"):
        raise RefusedError(400, "Either campaign or list_id must be provided with ids")
    call.find("campaign" if body.get("to_campaign_id") else "list", body.get("to_campaign_id") or body["to_list_id"])
    kinds = {"campaign": "campaign", "list_id": "list"}
    entity = next(((kind, str(body[name])) for name, kind in kinds.items() if body.get(name)), None)
    return answer(jobs.start(call, "move-leads", {"filters": body}, entity=entity))


@jobs.worker("move-leads")
def finish_move(store: Store, workspace: str, job: Object) -> Object:
    """Move the leads a job names, and count what became of them."""
    filters = job["data"]["filters"]
    choice = Choice(workspace, filters)
    sql = f"select * from leads where {choice.text} order by id limit ?"  # noqa: S608 - names are our own
    rows = store.all(sql, *choice.values, int(filters.get("limit") or 1_000_000))
    counts = {"moved_leads": 0, "duplicated_leads": 0, "leads_in_other_campaigns": 0, "ignored_leads_from_blocklist": 0}
    moved: list[str] = []
    for row in rows:
        reason = _hindrance(store, workspace, row, filters)
        if reason:
            counts[reason] += 1
            continue
        _place(store, row, filters)
        counts["moved_leads"] += 1
        moved += [row["email"]] if row["email"] else []
    return {
        "moved_lead_emails": moved,
        "filters": filters,
        "total_leads": len(rows),
        **counts,
        "leads_missing_email": None,
    }


def _hindrance(store: Store, workspace: str, row: Row, filters: Object) -> str | None:
    column, target = _target(filters)
    if row["email"] and row["email"] in block_list.Blocked(store, workspace):
        return "ignored_leads_from_blocklist"
    twins = store.all(
        "select campaign, list_id from leads where workspace = ? and email = ? and id <> ?",
        workspace,
        row["email"],
        row["id"],
    )
    if any(twin[column] == target for twin in twins):
        return "duplicated_leads"
    if filters.get("check_duplicates_in_campaigns") and any(twin["campaign"] for twin in twins):
        return "leads_in_other_campaigns"
    return None


def _target(filters: Object) -> tuple[str, str]:
    if filters.get("to_campaign_id"):
        return "campaign", filters["to_campaign_id"]
    return "list_id", filters["to_list_id"]


def _place(store: Store, row: Row, filters: Object) -> None:
    column, target = _target(filters)
    interest = None if filters.get("reset_interest_status") else row["interest"]
    columns: Object = {
        "campaign": None,
        "list_id": None,
        "subsequence_id": None,
        column: target,
        "status": leads.ACTIVE if column == "campaign" else _LISTED,
        "interest": interest,
        "step": -1,
        "due_at": 0.0 if column == "campaign" and row["email"] and interest is None else None,
    }
    kept = {"assigned_to": filters["assigned_to"]} if filters.get("assigned_to") else None
    if not filters.get("copy_leads"):
        leads.put(store, row, kept, **columns)
        return
    fresh = {"id": ids.ordered_id(store), "opens": 0, "replies": 0, "clicks": 0, "contacted_at": None}
    store.insert("leads", {**dict(row), **columns, **fresh, "created_at": store.clock.stamp()})


@routes.on(
    "POST",
    "/leads/subsequence/move",
    "leads:update",
    body={
        "id": validation.Required(validation.text("uuid")),
        "subsequence_id": validation.Required(validation.text("uuid")),
    },
)
def into_subsequence(call: Call) -> Response:
    """Put a lead into a subsequence, whose first step goes out after its own delay."""
    row = leads.find(call, call.body["id"])
    subsequence = call.find("subsequence", call.body["subsequence_id"])
    if row["campaign"] != subsequence["parent_campaign"]:
        raise RefusedError(400, "The lead is not in the subsequence's campaign")
    return answer(leads.shown(enter(call.store, row, subsequence)))


@routes.on(
    "POST", "/leads/subsequence/remove", "leads:update", body={"id": validation.Required(validation.text("uuid"))}
)
def out_of_subsequence(call: Call) -> Response:
    """Take a lead out of its subsequence; its campaign is over for it."""
    row = leads.find(call, call.body["id"])
    if row["subsequence_id"] is None:
        raise RefusedError(400, "The lead is not in a subsequence")
    kept = {"timestamp_added_subsequence": None}
    changed = leads.put(call.store, row, kept, subsequence_id=None, due_at=None, status=leads.COMPLETED)
    return answer(leads.shown(changed))
