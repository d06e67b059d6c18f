"""What can be done with email accounts: pausing, warming up, checking, moving."""

import hashlib
from datetime import timedelta

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.compat.accounts import find
from providers.simulators.instantly.leads import jobs
from providers.simulators.instantly.requests import PAGE, Call, RefusedError, Routes, answer
from providers.simulators.instantly.senders.listing import FILTERS, passes
from providers.simulators.instantly.senders.mailboxes import address, senders, shown
from providers.simulators.kit.store import Object, Store

routes = Routes()

_SOME = validation.Required(validation.array(validation.text(), least=1, most=100))


def _put(call: Call, account: Object, **changes: object) -> Object:
    return call.save("account", {**account, **changes, "timestamp_updated": call.now})


@routes.on("POST", "/accounts/{email}/pause", "accounts:update")
def pause(call: Call) -> Response:
    """Pause a mailbox."""
    return answer(shown(_put(call, find(call), status=2)))


@routes.on("POST", "/accounts/{email}/resume", "accounts:update")
def resume(call: Call) -> Response:
    """Let a paused mailbox send again."""
    return answer(shown(_put(call, find(call), status=1)))


@routes.on("POST", "/accounts/{email}/mark-fixed", "accounts:update")
def mark_fixed(call: Call) -> Response:
    """Say that a mailbox's error is gone."""
    return answer(shown(_put(call, find(call), status=1, status_message=None)))


@routes.on("POST", "/accounts/pause", "accounts:update", body={"emails": _SOME})
def pause_many(call: Call) -> Response:
    """Pause several mailboxes; unknown ones are named."""
    paused: list[str] = []
    failed: list[str] = []
    for email in call.body["emails"]:
        account = entities.find(call.store, call.workspace, "account", address(email))
        if account:
            _put(call, account, status=2)
        (paused if account else failed).append(email)
    return answer({"paused_emails": paused, "failed_emails": failed})


_WARM: validation.Fields = {
    "emails": validation.array(validation.text(), most=100),
    "include_all_emails": validation.boolean(),
    "excluded_emails": validation.array(validation.text(), most=100),
    "filter": validation.obj({"tag_id": validation.text(), "filter": validation.text(among=FILTERS, null=True)}),
    "search": validation.text(),
}


@routes.on("POST", "/accounts/warmup/enable", body=_WARM)
def warm(call: Call) -> Response:
    """Turn warm-up on, in the background."""
    return _warm(call, 1)


@routes.on("POST", "/accounts/warmup/disable", body=_WARM)
def cool(call: Call) -> Response:
    """Turn warm-up off, in the background."""
    return _warm(call, 0)


def _warm(call: Call, status: int) -> Response:
    body = call.body
    if not body.get("emails") and not body.get("include_all_emails"):
        raise RefusedError(400, "Either emails or include_all_emails must be provided")
    filters = {
        "emails": body.get("emails"),
        "includeAllEmails": body.get("include_all_emails"),
        "excludedEmails": body.get("excluded_emails"),
        "filter": body.get("filter"),
        "search": body.get("search"),
    }
    data = {"filters": filters, "warmup_status": status}
    return answer(jobs.start(call, "update-warmup-accounts", data, entity=None))


@jobs.worker("update-warmup-accounts")
def finish_warmup(store: Store, workspace: str, job: Object) -> Object:
    """Do what a warm-up job is for, and return what it says then."""
    data: Object = job["data"]
    done: list[Object] = []
    for email in _chosen(store, workspace, data["filters"]):
        account = entities.find(store, workspace, "account", address(email))
        if account:
            entities.save(store, workspace, "account", {**account, "warmup_status": data["warmup_status"]})
        done.append({"email": email, "status": "success"} if account else _failure(email))
    good = len([one for one in done if one["status"] == "success"])
    counts = {"total_to_process": len(done), "success_count": good, "failed_count": len(done) - good}
    empty: Object = {
        name: [] for name in ("pending_emails", "transition_emails", "domains_to_check", "valid_mx_domains")
    }
    offsets = dict.fromkeys(("mx_check_offset", "update_status_offset", "verification_offset"), 0)
    return {**data, "step": "DONE", "processed_emails": done, **empty, **counts, **offsets}


def _failure(email: str) -> Object:
    return {"email": email, "status": "failed", "error": "Account not found"}


def _chosen(store: Store, workspace: str, filters: Object) -> list[str]:
    if not filters["includeAllEmails"]:
        return filters["emails"] or []
    excluded: list[str] = filters["excludedEmails"] or []
    left_out = {address(email) for email in excluded}
    narrowed: Object = filters["filter"] or {}
    name = narrowed.get("filter")
    rows = [row for row in entities.every(store, workspace, "account") if passes(row, name)]
    words = str(filters["search"] or "").lower()
    return [row["email"] for row in rows if row["email"] not in left_out and words in row["email"]]


@routes.on("POST", "/accounts/warmup-analytics", "accounts:read", body={"emails": _SOME})
def warmup_analytics(call: Call) -> Response:
    """Count warm-up mails of the last week; unknown mailboxes are left out."""
    today = call.store.clock.now().date()
    dates = [(today - timedelta(days=6 - day)).isoformat() for day in range(7)]
    by_date: Object = {}
    whole: Object = {}
    for email in map(address, call.body["emails"]):
        account = entities.find(call.store, call.workspace, "account", email)
        if account is None or account["warmup_status"] != 1:
            continue
        by_date[email] = {date: _day(email, date) for date in dates}
        sums = {name: sum(day[name] for day in by_date[email].values()) for name in _day(email, "")}
        score = round(100 * sums["landed_inbox"] / max(1, sums["sent"]))
        whole[email] = {**sums, "health_score_label": f"{score}%", "health_score": score}
    return answer({"email_date_data": by_date, "aggregate_data": whole})


def _day(email: str, date: str) -> dict[str, int]:
    drawn = hashlib.sha256(f"{email}/{date}".encode()).digest()
    sent = 10 + drawn[0] % 10
    return {"sent": sent, "landed_inbox": sent - drawn[1] % 2, "landed_spam": drawn[1] % 2, "received": drawn[2] % 12}


@routes.on("POST", "/accounts/test/vitals", "accounts:read", body={"accounts": validation.array(validation.text())})
def vitals(call: Call) -> Response:
    """Check the domains of some mailboxes."""
    if not call.body.get("accounts"):
        raise RefusedError(400, {"error": "Bad request - no emails sent"})
    good = [address(email).partition("@")[2] for email in call.body["accounts"]]
    checks = dict.fromkeys(("allPass", "mx", "spf", "dkim", "dmarc"), True)
    rows = [{"domain": domain, **checks} for domain in dict.fromkeys(good)]
    return answer({"status": "success", "success_list": rows, "failure_list": []})


@routes.on("GET", "/accounts/ctd/status", "accounts:read", query={"host": validation.Required(validation.text())})
def tracking_domain(call: Call) -> Response:
    """Check a tracking domain; none is set up here."""
    return answer({"ssl": False, "cname": False, "host": call.query["host"]})


@routes.on("GET", "/account-campaign-mappings/{email}", "account_campaign_mappings:read", query=PAGE)
def campaigns_of(call: Call) -> Response:
    """List the campaigns that send from a mailbox, the newest first."""
    account = find(call)
    rows = [
        {
            "campaign_id": campaign["id"],
            "campaign_name": campaign["name"],
            "timestamp_created": campaign["timestamp_created"],
            "status": campaign["status"],
        }
        for campaign in reversed(call.every("campaign"))
        if account["email"] in senders(call.store, call.workspace, campaign)
    ]
    return call.page(rows, "timestamp_created", down=True)
