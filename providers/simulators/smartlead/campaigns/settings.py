"""A campaign's schedule and settings, whose names differ between writing and reading."""

import json
import re
from typing import Any
from zoneinfo import available_timezones

from starlette.responses import Response

from providers.simulators.kit.store import Object
from providers.simulators.smartlead.requests import Call, Routes, done, invalid
from providers.simulators.smartlead.validation import (
    Fields,
    Required,
    anything,
    array,
    boolean,
    mapping,
    moment,
    nullable,
    number,
    text,
    text_or_number,
)

routes = Routes()

TRACKING = {
    "DONT_TRACK_EMAIL_OPEN": "DONT_EMAIL_OPEN",
    "DONT_TRACK_LINK_CLICK": "DONT_LINK_CLICK",
    "DONT_TRACK_REPLY_TO_AN_EMAIL": "DONT_REPLY_TO_AN_EMAIL",
}
STOPPERS = {"REPLY_TO_AN_EMAIL", "CLICK_ON_A_LINK", "OPEN_AN_EMAIL"}
SHOWN = {
    "track_settings",
    "stop_lead_settings",
    "unsubscribe_text",
    "send_as_plain_text",
    "follow_up_percentage",
    "enable_ai_esp_matching",
}

_SCHEDULE: Fields = {
    "timezone": Required(text()),
    # Sources disagree on 0..6 or 1..7; both are taken.
    "days_of_the_week": Required(array(number(least=0, most=7))),
    "start_hour": Required(text()),
    "end_hour": Required(text()),
    "min_time_btw_emails": Required(number(least=3)),
    "max_new_leads_per_day": Required(number(least=0)),
    "schedule_start_time": nullable(moment),
}
_SETTINGS: Fields = {
    "name": text(empty=False),
    "track_settings": array(text()),
    "stop_lead_settings": text(),
    "unsubscribe_text": nullable(text()),
    "send_as_plain_text": boolean,
    "force_plain_text": boolean,
    "follow_up_percentage": number(least=0, most=100),
    "client_id": nullable(number()),
    "enable_ai_esp_matching": boolean,
    "auto_pause_domain_leads_on_reply": boolean,
    "ignore_ss_mailbox_sending_limit": boolean,
    "bounce_autopause_threshold": nullable(text_or_number),
    "domain_level_rate_limit": anything,
    "out_of_office_detection_settings": mapping(),
    "ai_categorisation_options": array(number()),
    "add_unsubscribe_tag": boolean,
}


@routes.on("POST", "/campaigns/{campaign_id}/schedule", body=_SCHEDULE)
def set_schedule(call: Call) -> Response:
    """Set when the campaign sends."""
    campaign, body = call.campaign(), call.body
    _check_schedule(body)
    fields = {
        **json.loads(campaign["fields"]),
        "scheduler_cron_value": {
            "tz": body["timezone"],
            "days": body["days_of_the_week"],
            "endHour": body["end_hour"],
            "startHour": body["start_hour"],
        },
        "min_time_btwn_emails": body["min_time_btw_emails"],
        "max_leads_per_day": body["max_new_leads_per_day"],
        "schedule_start_time": body.get("schedule_start_time"),
    }
    _save(call, fields=json.dumps(fields))
    return done()


def _check_schedule(body: Object) -> None:
    if body["timezone"] not in available_timezones():
        raise invalid(f"Invalid timezone - {body['timezone']}")
    for name in ("start_hour", "end_hour"):
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", body[name]):
            raise invalid(f"Invalid {name} - {body[name]}")
    if body["start_hour"] > body["end_hour"]:
        raise invalid("startHour cannot be greater that endHour")


@routes.on("POST", "/campaigns/{campaign_id}/settings", body=_SETTINGS)
def set_settings(call: Call) -> Response:
    """Change a campaign's settings."""
    campaign, body = call.campaign(), dict(call.body)
    _check_settings(body)
    if "track_settings" in body:
        body["track_settings"] = [TRACKING[value] for value in body["track_settings"]]
    name = body.pop("name", campaign["name"])
    client_id = body.pop("client_id", campaign["client_id"])
    shown = {key: value for key, value in body.items() if key in SHOWN}
    hidden = {key: value for key, value in body.items() if key not in SHOWN}
    _save(
        call,
        name=name,
        client_id=client_id,
        fields=json.dumps({**json.loads(campaign["fields"]), **shown}),
        extras=json.dumps({**json.loads(campaign["extras"]), **hidden}),
    )
    return done()


def _check_settings(body: Object) -> None:
    for value in body.get("track_settings", []):
        if value not in TRACKING:
            raise invalid(f"Invalid track_settings value - {value}")
    stopper = body.get("stop_lead_settings")
    if stopper is not None and stopper not in STOPPERS:
        raise invalid(f"Invalid stop_lead_settings value - {stopper}")


def _save(call: Call, **columns: Any) -> None:
    changes = {**columns, "updated_at": call.now}
    assignments = ", ".join(f"{name} = ?" for name in changes)
    call.store.run(
        f"update campaigns set {assignments} where id = ?",  # noqa: S608 - names are our own
        *changes.values(),
        call.campaign_id,
    )
