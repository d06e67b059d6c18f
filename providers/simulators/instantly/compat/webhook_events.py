"""Reading the log of webhook deliveries."""

import json
from typing import Any

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.requests import PAGE, Call, RefusedError, Routes, answer
from providers.simulators.kit.store import Object, Row

routes = Routes()

_DATES: validation.Fields = {"from": validation.text("date"), "to": validation.text("date")}


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
    query={**PAGE, **_DATES, "success": validation.boolean(), "search": validation.text()},
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
