"""The log of webhook deliveries, one row for each try, and what failures do to a subscription."""

import json

from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.state import options
from providers.simulators.instantly.webhooks.subscriptions import DISABLED
from providers.simulators.kit.outbox import RETRY_AFTER, Attempt
from providers.simulators.kit.store import Object, Row, Store

ATTEMPTS = 4


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
    details = {"url": row["url"], "email": row["email"], "letter": row["id"], "fields": json.dumps(fields)}
    store.insert("webhook_events", {**line, **details})
