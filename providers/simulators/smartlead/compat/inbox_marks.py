"""What is done by hand to a conversation of the master inbox."""

import json
from typing import Any

from starlette.responses import Response

from providers.simulators.smartlead import enrolment, events
from providers.simulators.smartlead.common import categories
from providers.simulators.smartlead.enrolment import Enrolment
from providers.simulators.smartlead.leads import block_list
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer, done, invalid
from providers.simulators.smartlead.validation import (
    Fields,
    Required,
    array,
    boolean,
    choice,
    moment,
    nullable,
    number,
    text,
)

routes = Routes()

_MAP: Fields = {"email_lead_map_id": Required(number())}


def _who(call: Call) -> Enrolment:
    who = enrolment.enrolment(call.store, call.body["email_lead_map_id"])
    if who is None or who.account["id"] != call.account.id:
        raise RefusedError(404, {"error": "Lead not found - Invalid email_lead_map_id."})
    return who


def _mark(call: Call, name: str, value: Any) -> Response:
    map_id = _who(call).link["id"]
    call.store.run("insert or ignore into inbox_marks (map_id) values (?)", map_id)
    call.store.run(f"update inbox_marks set {name} = ? where map_id = ?", value, map_id)  # noqa: S608 - names are our own
    return done()


def _add(call: Call, name: str) -> Response:
    written = {key: value for key, value in call.body.items() if key != "email_lead_map_id"}
    query = f"select {name} from inbox_marks where map_id = ?"  # noqa: S608 - names are our own
    before = json.loads(call.store.value(query, call.body["email_lead_map_id"]) or "[]")
    return _mark(call, name, json.dumps([*before, {**written, "created_at": call.now}]))


@routes.on("PATCH", "/master-inbox/change-read-status", body={**_MAP, "read_status": Required(boolean)})
def set_read(call: Call) -> Response:
    """Count a conversation as read or not."""
    return _mark(call, "is_read", int(call.body["read_status"]))


@routes.on("PATCH", "/master-inbox/update-revenue", body={**_MAP, "revenue": Required(number(whole=False))})
def set_revenue(call: Call) -> Response:
    """Say what a lead is worth."""
    return _mark(call, "revenue", call.body["revenue"])


@routes.on("POST", "/master-inbox/update-team-member", body={**_MAP, "team_member_id": Required(nullable(number()))})
def set_team_member(call: Call) -> Response:
    """Hand a conversation to a member of the team."""
    return _mark(call, "team_member_id", call.body["team_member_id"])


@routes.on(
    "POST",
    "/master-inbox/set-reminder",
    body={
        **_MAP,
        "email_stats_id": Required(text(empty=False)),
        "message": Required(text(empty=False)),
        "reminder_time": Required(moment),
    },
)
def set_reminder(call: Call) -> Response:
    """Remember a conversation for later."""
    return _mark(call, "reminder", json.dumps(call.body))


@routes.on("POST", "/master-inbox/create-note", body={**_MAP, "note_message": Required(text(empty=False))})
def add_note(call: Call) -> Response:
    """Write a note about a lead."""
    return _add(call, "notes")


@routes.on(
    "POST",
    "/master-inbox/create-task",
    body={
        **_MAP,
        "name": Required(text(empty=False)),
        "description": nullable(text()),
        "priority": choice("LOW", "MEDIUM", "HIGH"),
        "due_date": nullable(moment),
    },
)
def add_task(call: Call) -> Response:
    """Set a task about a lead."""
    return _add(call, "tasks")


@routes.on("PATCH", "/master-inbox/update-category", body={**_MAP, "category_id": Required(nullable(number()))})
def set_category(call: Call) -> Response:
    """Give the lead a category, or none."""
    who, category_id = _who(call), call.body["category_id"]
    if category_id is not None and categories.named(category_id) is None:
        raise invalid(f"Invalid category - {category_id}")
    events.categorise(call.store, who, category_id)
    return done()


@routes.on(
    "PATCH",
    "/master-inbox/resume-lead",
    body={"campaign_id": Required(number()), **_MAP, "resume_delay_days": nullable(number(least=0))},
)
def resume(call: Call) -> Response:
    """Let a paused or stopped lead go on; the delay is taken, and not waited for."""
    link = _who(call).link
    if link["campaign_id"] != call.body["campaign_id"]:
        raise RefusedError(404, {"error": "Lead not found - Invalid campaign_id."})
    if link["status"] in {"PAUSED", "STOPPED"} and not link["is_unsubscribed"]:
        status = "INPROGRESS" if link["last_seq"] else "STARTED"
        moved = "update campaign_leads set status = ?, last_activity_at = ? where id = ?"
        call.store.run(moved, status, call.now, link["id"])
    return done()


@routes.on(
    "POST",
    "/master-inbox/block-domains",
    body={
        "domains": Required(array(text(empty=False), filled=True)),
        "source": choice("manual", "bounce", "complaint", "invalid"),
    },
)
def block(call: Call) -> Response:
    """Put domains on the account's block list."""
    added = block_list.put(call, call.body["domains"], source=call.body.get("source", "manual"))
    return answer({"ok": True, "uploadCount": len(call.body["domains"]), "totalDomainAdded": added})
