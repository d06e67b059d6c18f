"""The log of webhook deliveries, one row for each try, and what failures do to a subscription."""

import json
from typing import Any

from starlette.responses import Response

from providers.simulators.instantly import ajv, entities, ids
from providers.simulators.instantly.exchange import PAGE, Call, RefusedError, Routes, answer
from providers.simulators.instantly.settings import options
from providers.simulators.instantly.webhooks import DISABLED
from providers.simulators.kit.outbox import RETRY_AFTER, Attempt
from providers.simulators.kit.store import Object, Row, Store

routes = Routes()

ATTEMPTS = 4
_DATES: ajv.Fields = {"from": ajv.text("date"), "to": ajv.text("date")}


def headers(store: Store, row: Row, content: bytes) -> dict[str, str]:
    """Return the headers of a delivery: those of an HTTP library, and the subscription's own."""
    del content
    found = store.value("select fields from entities where kind = 'webhook' and id = ?", row["webhook_id"])
    own: Object = (json.loads(found).get("headers") if found else None) or {}
    return {"Accept": "application/json, text/plain, */*", "User-Agent": "axios/0.21.4", **own}


def noted(store: Store, row: Row, attempt: Attempt) -> None:
    """Write a try into the log, and disable a subscription whose tries keep failing."""
    owner = store.one("select workspace, fields from entities where kind = 'webhook' and id = ?", row["webhook_id"])
    if owner is None:
        return
    _log(store, owner["workspace"], row, attempt)
    hook: Object = json.loads(owner["fields"])
    failures = 0 if attempt.taken else hook.get("_failures", 0) + 1
    most = int(options(store)["disable_after"])
    if failures == hook.get("_failures", 0) == 0:
        return
    hook["_failures"] = failures
    if most and failures >= most and hook["status"] != DISABLED:
        hook |= {"status": DISABLED, "timestamp_error": store.clock.stamp()}
        store.run("update outbox set state = 'given_up' where webhook_id = ? and state = 'waiting'", row["webhook_id"])
    entities.save(store, owner["workspace"], "webhook", hook)


def _log(store: Store, workspace: str, row: Row, attempt: Attempt) -> None:
    again = not attempt.taken and not attempt.last
    now = store.clock.stamp()
    group = ids.derived("letter", str(row["id"])) if again or attempt.number > 1 else None
    wait = RETRY_AFTER[min(attempt.number, len(RETRY_AFTER)) - 1]
    fields: Object = {
        "timestamp_created": now,
        "timestamp_created_date": now[:10],
        "organization_id": workspace,
        "payload": json.loads(row["body"]),
        "success": attempt.taken,
        "retry_count": attempt.number - 1,
        "will_retry": again,
        "webhook_url": row["url"],
        "status_code": attempt.status,
        "error_message": attempt.error or (None if attempt.taken else f"HTTP {attempt.status}: {attempt.answer}"),
        "timestamp_next_retry": store.clock.stamp(wait) if again else None,
        "retry_group_id": group,
        "lead_email": row["email"],
        "response_time_ms": attempt.milliseconds,
    }
    if attempt.taken and attempt.number > 1:
        store.run(
            "update webhook_events set fields = json_set(fields, '$.retry_successful', json('true')) where letter = ?",
            row["id"],
        )
    line = {"id": ids.ordered_id(store), "workspace": workspace, "created_at": now, "success": int(attempt.taken)}
    told = {"url": row["url"], "email": row["email"], "letter": row["id"], "fields": json.dumps(fields)}
    store.insert("webhook_events", {**line, **told})


def _shown(row: Row) -> Object:
    return entities.shown({"id": row["id"], **json.loads(row["fields"])})


def _chosen(call: Call) -> tuple[list[str], list[Any]]:
    parts, values = ["workspace = ?"], [call.workspace]
    for name, sign in (("from", ">="), ("to", "<=")):
        if name in call.query:
            parts.append(f"substr(created_at, 1, 10) {sign} ?")
            values.append(call.query[name])
    return parts, values


@routes.on(
    "GET",
    "/webhook-events",
    "webhook_events:read",
    query={**PAGE, **_DATES, "success": ajv.boolean(), "search": ajv.text()},
)
def list_all(call: Call) -> Response:
    """List tries, the newest first."""
    parts, values = _chosen(call)
    if "success" in call.query:
        parts.append("success = ?")
        values.append(int(call.query["success"]))
    if call.query.get("search"):
        parts.append("(url = ? or email = ?)")
        values += [call.query["search"], call.query["search"].lower()]
    if call.query.get("starting_after"):
        parts.append("id < ?")
        values.append(call.query["starting_after"])
    where = " and ".join(parts)
    sql = f"select * from webhook_events where {where} order by id desc limit ?"  # noqa: S608 - names are our own
    rows = call.store.all(sql, *values, call.limit())
    cursor = {"next_starting_after": rows[-1]["id"]} if rows else {}
    return answer({"items": [_shown(row) for row in rows], **cursor})


def _summed(call: Call, group: str) -> list[Row]:
    parts, values = _chosen(call)
    sql = (
        f"select {group} as day, count(*) as n, coalesce(sum(success), 0) as good"  # noqa: S608 - names are our own
        f" from webhook_events where {' and '.join(parts)} group by 1 order by 1"
    )
    return call.store.all(sql, *values)


def _summary(total: int, good: int) -> Object:
    rate = round(100 * good / total, 2) if total else 0
    return {"total_events": total, "successful_events": good, "failed_events": total - good, "success_rate": rate}


@routes.on("GET", "/webhook-events/summary", query=_DATES)
def summary(call: Call) -> Response:
    """Count tries and successes."""
    rows = _summed(call, "1")
    whole = _summary(rows[0]["n"], rows[0]["good"]) if rows else _summary(0, 0)
    failure = round(100 - whole["success_rate"], 2) if whole["total_events"] else 0
    return answer({**whole, "failure_rate": failure})


@routes.on("GET", "/webhook-events/summary-by-date", query=_DATES)
def by_date(call: Call) -> Response:
    """Count tries and successes by day."""
    rows = _summed(call, "substr(created_at, 1, 10)")
    return answer({"items": [{"date": row["day"], **_summary(row["n"], row["good"])} for row in rows]})


@routes.on("GET", "/webhook-events/{id}", "webhook_events:read")
def read(call: Call) -> Response:
    """Read one try."""
    row = call.store.one(
        "select * from webhook_events where id = ? and workspace = ?", call.params["id"], call.workspace
    )
    if row is None:
        raise RefusedError(404, "Resource not found")
    return answer(_shown(row))
