"""Subsequences: follow-ups of a campaign for the leads that meet a condition."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.campaigns import rules
from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.compat.campaign_reads import summary
from providers.simulators.instantly.compat.statistics import by_step
from providers.simulators.instantly.figures import statistics
from providers.simulators.instantly.requests import PAGE, Call, Routes, answer, thing
from providers.simulators.kit.store import Object

routes = Routes()

_ACTIVE, _PAUSED = 1, 2
_CONDITIONS = validation.obj(
    {
        "crm_status": validation.array(validation.number(least=-30_000, most=30_000)),
        "lead_activity": validation.array(validation.number(among=(2, 4, 91))),
        "reply_contains": validation.text(),
    }
)
_WRITABLE: validation.Fields = {
    "name": validation.text(),
    "conditions": _CONDITIONS,
    "subsequence_schedule": rules.SCHEDULE,
    "sequences": rules.SEQUENCES,
    "auto_variant_select": rules.TRIGGER,
    "daily_limit_mode": validation.text(among=("inherit", "custom", "unlimited")),
    "daily_limit": validation.number(null=True),
    "ignore_account_daily_limit": validation.boolean(),
}


def _keep(call: Call, fields: Object) -> Response:
    parent = call.find("campaign", fields["parent_campaign"])
    whole: Object = {
        "subsequence_schedule": parent["campaign_schedule"],
        **fields,
        "id": ids.random_id(),
        "workspace": call.workspace,
        "status": _ACTIVE,
        "timestamp_created": call.now,
        "timestamp_leads_updated": call.now,
    }
    return thing(entities.create(call.store, call.workspace, "subsequence", whole, parent=parent["id"]))


@routes.on(
    "POST",
    "/subsequences",
    "subsequences:create",
    body={
        **_WRITABLE,
        "parent_campaign": validation.Required(validation.text("uuid")),
        "name": validation.Required(validation.text()),
        "conditions": validation.Required(_CONDITIONS),
    },
)
def create(call: Call) -> Response:
    """Create a subsequence, by default on its campaign's schedule."""
    return _keep(call, rules.written(call.body))


@routes.on(
    "GET",
    "/subsequences",
    "subsequences:read",
    query={
        **PAGE,
        "parent_campaign": validation.text("uuid"),
        "parent_campaign_not": validation.text("uuid"),
        "search": validation.text(),
    },
)
def list_all(call: Call) -> Response:
    """List subsequences by rising id."""
    query = call.query
    rows = [
        row
        for row in call.every("subsequence")
        if query.get("search", "").lower() in row["name"].lower()
        and query.get("parent_campaign", row["parent_campaign"]) == row["parent_campaign"]
        and query.get("parent_campaign_not") != row["parent_campaign"]
    ]
    return call.page(sorted(rows, key=lambda row: row["id"]))


@routes.on(
    "GET",
    "/subsequences/analytics",
    "subsequences:read",
    query={"campaign_id": validation.Required(validation.text("uuid"))},
)
def figures(call: Call) -> Response:
    """Count what each subsequence of a campaign did."""
    call.find("campaign", call.query["campaign_id"])
    rows = entities.of_parent(call.store, "subsequence", call.query["campaign_id"])
    return answer([_figures(call, row["id"]) for row in rows])


def _figures(call: Call, identity: str) -> Object:
    sums = statistics.tally(call, "subsequence_id = ?", identity)
    return {
        "subsequence_id": identity,
        "emails_sent": sums.all("sent"),
        "unique_opens": sums.unique("open"),
        "unique_replies": sums.unique("reply"),
    }


@routes.on("GET", "/subsequences/{id}", "subsequences:read")
def read(call: Call) -> Response:
    """Read one subsequence."""
    return thing(call.find("subsequence"))


@routes.on("PATCH", "/subsequences/{id}", "subsequences:update", body=_WRITABLE)
def change(call: Call) -> Response:
    """Change a subsequence."""
    return thing(call.save("subsequence", {**call.find("subsequence"), **rules.written(call.body)}))


@routes.on("DELETE", "/subsequences/{id}", "subsequences:delete")
def delete(call: Call) -> Response:
    """Delete a subsequence; leads in it get no further mail."""
    found = call.find("subsequence")
    call.store.run("update leads set due_at = null, subsequence_id = null where subsequence_id = ?", found["id"])
    entities.delete(call.store, call.workspace, "subsequence", found["id"])
    return thing(found)


@routes.on("POST", "/subsequences/{id}/pause", "subsequences:update")
def pause(call: Call) -> Response:
    """Pause a subsequence."""
    return thing(call.save("subsequence", {**call.find("subsequence"), "status": _PAUSED}))


@routes.on("POST", "/subsequences/{id}/resume", "subsequences:update")
def resume(call: Call) -> Response:
    """Let a subsequence go on."""
    return thing(call.save("subsequence", {**call.find("subsequence"), "status": _ACTIVE}))


@routes.on(
    "POST",
    "/subsequences/{id}/duplicate",
    "subsequences:create",
    body={"parent_campaign": validation.Required(validation.text("uuid")), "name": validation.text()},
)
def duplicate(call: Call) -> Response:
    """Copy a subsequence to a campaign."""
    found = call.find("subsequence")
    name = call.body.get("name", f"{found['name']} (copy)")
    return _keep(call, {**found, "name": name, "parent_campaign": call.body["parent_campaign"]})


@routes.on(
    "GET",
    "/subsequences/{id}/analytics/steps",
    "subsequences:read",
    query={"start_date": validation.text(), "end_date": validation.text()},
)
def step_figures(call: Call) -> Response:
    """Count what each step of a subsequence did; both numbers begin at 0."""
    found = call.find("subsequence")
    chosen = statistics.between(call, "subsequence_id = ?", found["id"])
    return answer(by_step(call, *chosen, base=0, more=False))


@routes.on(
    "GET",
    "/subsequences/{id}/sending-status",
    "subsequences:read",
    query={"with_ai_summary": validation.boolean()},
)
def sending_status(call: Call) -> Response:
    """Tell why a subsequence does or does not send."""
    found = call.find("subsequence")
    return answer(
        {"diagnostics": None, "summary": summary(call, found, call.find("campaign", found["parent_campaign"]))}
    )
