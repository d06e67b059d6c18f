"""A campaign's sequence: saving replaces all of it, and what is read cannot be sent back as it is."""

import json
from typing import Any

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.figures import counters
from providers.simulators.smartlead.requests import Call, Routes, answer, invalid
from providers.simulators.smartlead.validation import Fields, Required, array, choice, nullable, number, obj, text

routes = Routes()

_VARIANT: Fields = {
    "id": nullable(number()),
    "subject": text(),
    "email_body": text(),
    "variant_label": nullable(text()),
    "variant_distribution_percentage": nullable(number(least=0, most=100, whole=False)),
}
_STEP: Fields = {
    "id": nullable(number()),
    "seq_number": Required(number(least=1)),
    "seq_delay_details": Required(obj({"delay_in_days": Required(number(least=0))})),
    "subject": nullable(text()),
    "email_body": nullable(text()),
    "variant_distribution_type": nullable(choice("MANUAL_EQUAL", "MANUAL_PERCENTAGE", "AI_EQUAL")),
    "lead_distribution_percentage": nullable(number(least=20, most=100)),
    "winning_metric_property": nullable(choice("OPEN_RATE", "CLICK_RATE", "REPLY_RATE", "POSITIVE_REPLY_RATE")),
    "seq_variants": nullable(array(obj(_VARIANT))),
    "seq_type": nullable(choice("EMAIL", "MANUAL")),
}
_EXTRAS = (
    "variant_distribution_type",
    "lead_distribution_percentage",
    "winning_metric_property",
    "seq_type",
)


@routes.on("POST", "/campaigns/{campaign_id}/sequences", body={"sequences": Required(array(obj(_STEP)))})
def save(call: Call) -> Response:
    """Replace the whole sequence; steps whose id is sent back keep it, and their statistics."""
    campaign, steps = call.campaign(), call.body["sequences"]
    if campaign["status"] == "ACTIVE":
        raise invalid("Campaign is active. Please pause the campaign before saving the sequence.")
    known = {row["id"] for row in _steps(call)}
    saved = [{"seqNumber": step["seq_number"], "id": _save_step(call, step, known)} for step in steps]
    _drop(call, known - {row["id"] for row in saved})
    return answer({"ok": True, "data": {"sequences": saved}})


def _save_step(call: Call, step: Object, known: set[int]) -> int:
    columns = {
        "seq_number": step["seq_number"],
        "delay_in_days": step["seq_delay_details"]["delay_in_days"],
        "subject": step.get("subject") or "",
        "email_body": _kept_body(step.get("email_body") or ""),
        "extras": json.dumps({key: step[key] for key in _EXTRAS if step.get(key) is not None}),
        "updated_at": call.now,
    }
    step_id = step.get("id") if step.get("id") in known else None
    if step_id is None:
        fresh = {"campaign_id": call.campaign_id, **columns, "created_at": call.now}
        step_id = call.store.insert("sequences", fresh)
    else:
        _update(call, "sequences", step_id, columns)
    _save_variants(call, step_id, step.get("seq_variants") or [])
    return step_id


def _kept_body(body: str) -> str:
    # The live service loses a body that starts with a brace.
    return "" if body.startswith("{") and not body.startswith("{{") else body


def _save_variants(call: Call, step_id: int, variants: list[Object]) -> None:
    known = {row["id"] for row in call.store.all("select id from variants where sequence_id = ?", step_id)}
    kept: set[int] = set()
    for variant in variants:
        columns = {
            "variant_label": variant.get("variant_label"),
            "subject": variant.get("subject", ""),
            "email_body": _kept_body(variant.get("email_body", "")),
            "share": variant.get("variant_distribution_percentage"),
            "updated_at": call.now,
        }
        if variant.get("id") in known:
            kept.add(variant["id"])
            _update(call, "variants", variant["id"], columns)
        else:
            call.store.insert("variants", {"sequence_id": step_id, **columns, "created_at": call.now})
    for gone in known - kept:
        call.store.run("delete from variants where id = ?", gone)


def _update(call: Call, table: str, row_id: int, columns: dict[str, Any]) -> None:
    assignments = ", ".join(f"{name} = ?" for name in columns)
    call.store.run(
        f"update {table} set {assignments} where id = ?",  # noqa: S608 - names are our own
        *columns.values(),
        row_id,
    )


def _drop(call: Call, gone: set[int]) -> None:
    for step_id in gone:
        call.store.run("delete from sequences where id = ?", step_id)
        call.store.run("delete from variants where sequence_id = ?", step_id)
        call.store.run("delete from messages where sequence_id = ?", step_id)
    if gone:
        counters.recount(call.store, call.campaign_id)


def _steps(call: Call) -> list[Row]:
    return call.store.all("select * from sequences where campaign_id = ? order by seq_number, id", call.campaign_id)


@routes.on("GET", "/campaigns/{campaign_id}/sequences")
def read(call: Call) -> Response:
    """Read the steps in order."""
    call.campaign()
    return answer([shown(call, step) for step in _steps(call)])


def shown(call: Call, step: Row) -> Object:
    """Return a step as the provider shows it: its variants under another name than they were written."""
    variants = call.store.all("select * from variants where sequence_id = ? order by id", step["id"])
    return {
        "id": step["id"],
        "created_at": step["created_at"],
        "updated_at": step["updated_at"],
        "email_campaign_id": step["campaign_id"],
        "seq_number": step["seq_number"],
        "seq_delay_details": {"delayInDays": step["delay_in_days"]},
        "subject": step["subject"],
        "email_body": step["email_body"],
        "sequence_variants": [_shown_variant(row) for row in variants] or None,
    }


def _shown_variant(row: Row) -> Object:
    return {
        "id": row["id"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "is_deleted": False,
        "subject": row["subject"],
        "email_body": row["email_body"],
        "email_campaign_seq_id": row["sequence_id"],
        "variant_label": row["variant_label"],
        "optional_email_body_1": None,
        "variant_distribution_percentage": row["share"],
    }
