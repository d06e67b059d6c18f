"""Lead lists, and the labels a workspace adds to the known interests."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.requests import PAGE, Call, Routes, answer, thing
from providers.simulators.kit.store import Object

routes = Routes()

_LIST: validation.Fields = {
    "name": validation.text(),
    "has_enrichment_task": validation.boolean(null=True),
    "owned_by": validation.text("uuid", null=True),
}
_KINDS = ("positive", "negative", "neutral")
_FIRST_LABEL = 100
_LABEL: validation.Fields = {
    "label": validation.text(least=1),
    "interest_status_label": validation.text(among=_KINDS),
    "description": validation.text(null=True),
    "use_with_ai": validation.boolean(null=True),
}


def _newest(rows: list[Object]) -> list[Object]:
    return sorted(rows, key=lambda row: row["timestamp_created"], reverse=True)


@routes.on("POST", "/lead-lists", "lead_lists:create", body={**_LIST, "name": validation.Required(validation.text())})
def create(call: Call) -> Response:
    """Create a list."""
    fields = {
        "has_enrichment_task": False,
        **call.body,
        "id": ids.random_id(),
        "organization_id": call.workspace,
        "timestamp_created": call.now,
    }
    return thing(entities.create(call.store, call.workspace, "list", fields))


@routes.on(
    "GET",
    "/lead-lists",
    "lead_lists:read",
    query={**PAGE, "search": validation.text(), "has_enrichment_task": validation.boolean()},
)
def list_all(call: Call) -> Response:
    """List lists, the newest first."""
    words, task = call.query.get("search", "").lower(), call.query.get("has_enrichment_task")
    rows = [row for row in call.every("list") if words in row["name"].lower()]
    chosen = [row for row in rows if task is None or row["has_enrichment_task"] == task]
    return call.page(_newest(chosen), "timestamp_created", down=True)


@routes.on("GET", "/lead-lists/{id}", "lead_lists:read")
def read(call: Call) -> Response:
    """Read one list."""
    return thing(call.find("list"))


@routes.on("PATCH", "/lead-lists/{id}", "lead_lists:update", body=_LIST)
def change(call: Call) -> Response:
    """Change a list."""
    return thing(call.save("list", {**call.find("list"), **call.body}))


@routes.on("DELETE", "/lead-lists/{id}", "lead_lists:delete")
def delete(call: Call) -> Response:
    """Delete a list with its leads."""
    found = call.find("list")
    call.store.run("delete from leads where list_id = ? and campaign is null", found["id"])
    entities.delete(call.store, call.workspace, "list", found["id"])
    return thing(found)


_STATS = ("verified", "invalid", "risky", "catch_all", "job_change")
_PENDING = ("verification_job_pending_leadfinder", "verification_job_pending_user")


@routes.on("GET", "/lead-lists/{id}/verification-stats")
def verification(call: Call) -> Response:
    """Count a list's leads by what verification found; nothing is verified here."""
    found = call.find("list")
    total = call.store.value("select count(*) from leads where list_id = ?", found["id"])
    return answer({"stats": dict.fromkeys((*_STATS, *_PENDING), 0), "total_leads": total})


@routes.on(
    "POST",
    "/lead-labels",
    "lead-labels:create",
    body={
        **_LABEL,
        "label": validation.Required(validation.text(least=1)),
        "interest_status_label": validation.Required(validation.text(among=_KINDS)),
    },
)
def create_label(call: Call) -> Response:
    """Create a label; its number is given out."""
    sign = -1 if call.body["interest_status_label"] == "negative" else 1
    used = [abs(row["interest_status"]) for row in call.every("label")]
    fields = {
        **call.body,
        "id": ids.random_id(),
        "timestamp_created": call.now,
        "created_by": call.caller.user,
        "organization_id": call.workspace,
        "interest_status": sign * (max(used, default=_FIRST_LABEL) + 1),
    }
    return thing(entities.create(call.store, call.workspace, "label", fields))


@routes.on(
    "GET",
    "/lead-labels",
    "lead-labels:read",
    query={**PAGE, "search": validation.text(), "interest_status": validation.text(among=_KINDS)},
)
def list_labels(call: Call) -> Response:
    """List labels, the newest first."""
    words, kind = call.query.get("search", "").lower(), call.query.get("interest_status")
    rows = [row for row in call.every("label") if words in row["label"].lower()]
    chosen = [row for row in rows if kind in (None, row["interest_status_label"])]
    return call.page(_newest(chosen), "timestamp_created", down=True)


@routes.on("GET", "/lead-labels/{id}", "lead-labels:read")
def read_label(call: Call) -> Response:
    """Read one label."""
    return thing(call.find("label"))


@routes.on("PATCH", "/lead-labels/{id}", "lead-labels:update", body=_LABEL)
def change_label(call: Call) -> Response:
    """Change a label."""
    return thing(call.save("label", {**call.find("label"), **call.body}))


@routes.on(
    "DELETE",
    "/lead-labels/{id}",
    "lead-labels:delete",
    body=validation.optional(validation.obj({"reassigned_status": validation.number()})),
)
def delete_label(call: Call) -> Response:
    """Delete a label, and give its leads another interest."""
    found = call.find("label")
    call.store.run(
        "update leads set interest = ? where workspace = ? and interest = ?",
        call.body.get("reassigned_status"),
        call.workspace,
        found["interest_status"],
    )
    entities.delete(call.store, call.workspace, "label", found["id"])
    return thing(found)


_SIGNS = (("Out of Office", "out of office"), ("Not Interested", "not interested"), ("Not Interested", "unsubscribe"))


@routes.on(
    "POST",
    "/lead-labels/ai-reply-label",
    "lead-labels:read",
    body={"reply_text": validation.Required(validation.text())},
)
def guess_label(call: Call) -> Response:
    """Sort a reply by its words: first by the labels made for it, then by a few usual ones."""
    words = call.body["reply_text"].lower()
    considered = [row["label"] for row in call.every("label") if row.get("use_with_ai")]
    known = [*((label, label.lower()) for label in considered), *_SIGNS]
    found = next((label for label, sign in known if sign in words), "Interested")
    return answer({"result": found, "custom_labels_considered": considered})
