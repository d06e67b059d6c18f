"""What a campaign or subsequence may be written with."""

from functools import cache
from pathlib import Path

from providers.simulators.instantly import validation
from providers.simulators.instantly.common.html import sanitised
from providers.simulators.kit.store import Object

_TIME = "^([01][0-9]|2[0-3]):([0-5][0-9])$"
_UNITS = validation.text(among=("minutes", "hours", "days"))
STATES = (-99, -1, -2, 0, 1, 2, 3, 4)


@cache
def timezones() -> tuple[str, ...]:
    """Return the only time zones a schedule may have."""
    return tuple(Path(__file__).with_name("timezones.txt").read_text(encoding="utf-8").split())


SCHEDULE = validation.obj(
    {
        "start_date": validation.text("date", null=True),
        "end_date": validation.text("date", null=True),
        "schedules": validation.Required(
            validation.array(
                validation.obj(
                    {
                        "name": validation.Required(validation.text()),
                        "timing": validation.Required(
                            validation.obj(
                                {
                                    "from": validation.Required(validation.text(pattern=_TIME)),
                                    "to": validation.Required(validation.text(pattern=_TIME)),
                                }
                            )
                        ),
                        "days": validation.Required(
                            validation.obj({str(day): validation.boolean() for day in range(7)})
                        ),
                        "timezone": validation.Required(validation.text(among=timezones())),
                    }
                ),
                least=1,
            )
        ),
    }
)
SEQUENCES = validation.array(
    validation.obj(
        {
            "steps": validation.Required(
                validation.array(
                    validation.obj(
                        {
                            "type": validation.Required(validation.text(among=("email",))),
                            "delay": validation.Required(validation.number()),
                            "delay_unit": _UNITS,
                            "pre_delay": validation.number(),
                            "pre_delay_unit": _UNITS,
                            "variants": validation.Required(
                                validation.array(
                                    validation.obj(
                                        {
                                            "subject": validation.Required(validation.text()),
                                            "body": validation.Required(validation.text()),
                                            "v_disabled": validation.boolean(),
                                        }
                                    )
                                )
                            ),
                        }
                    )
                )
            )
        }
    )
)
TRIGGER = validation.obj(
    {"trigger": validation.Required(validation.text(among=("reply_rate", "click_rate", "open_rate")))}, null=True
)
_PROVIDERS = validation.array(validation.text(among=("all", "google", "outlook", "other")))
_FLAGS = (
    "is_evergreen",
    "text_only",
    "first_email_text_only",
    "stop_on_reply",
    "link_tracking",
    "stop_on_auto_reply",
    "prioritize_new_leads",
    "match_lead_esp",
    "stop_for_company",
    "insert_unsubscribe_header",
    "allow_risky_contacts",
    "disable_bounce_protect",
)
WRITABLE: validation.Fields = {
    "name": validation.text(),
    "campaign_schedule": SCHEDULE,
    "sequences": SEQUENCES,
    **dict.fromkeys(_FLAGS, validation.boolean(null=True)),
    **dict.fromkeys(("pl_value", "email_gap", "random_wait_max", "daily_limit"), validation.number(null=True)),
    "daily_max_leads": validation.number(whole=True, least=0, null=True),
    "open_tracking": validation.boolean(),
    "email_list": validation.array(validation.text()),
    "email_tag_list": validation.array(validation.text("uuid")),
    "cc_list": validation.array(validation.text("email")),
    "bcc_list": validation.array(validation.text("email")),
    "owned_by": validation.text("uuid", null=True),
    "auto_variant_select": TRIGGER,
    "limit_emails_per_company_override": validation.obj(
        {
            "mode": validation.Required(validation.text(among=("custom", "disabled"))),
            "daily_limit": validation.number(least=1),
            "scope": validation.text(among=("per_campaign", "across_workspace")),
        },
        null=True,
    ),
    "provider_routing_rules": validation.array(
        validation.obj(
            {
                "action": validation.text(among=("send", "do_not_send")),
                "recipient_esp": _PROVIDERS,
                "sender_esp": _PROVIDERS,
            }
        )
    ),
}


def written(body: Object) -> Object:
    """Return what is kept of a body: clean HTML, and the units that were left out."""
    if not body.get("sequences"):
        return body
    return {**body, "sequences": [{"steps": [_step(step) for step in one["steps"]]} for one in body["sequences"]]}


def _step(step: Object) -> Object:
    variants = [{**variant, "body": sanitised(variant["body"])} for variant in step["variants"]]
    return {**step, "delay_unit": "days", "pre_delay_unit": "days", **_units(step), "variants": variants}


def _units(step: Object) -> Object:
    return {name: step[name] for name in ("delay_unit", "pre_delay_unit") if name in step}


def steps_of(owner: Object) -> list[Object]:
    """Return the steps that are played: those of the first sequence."""
    sequences: list[Object] = owner.get("sequences") or []
    return sequences[0]["steps"] if sequences else []


def seconds(step: Object, name: str = "delay") -> float:
    """Return a step's delay in seconds."""
    unit = {"minutes": 60, "hours": 3600, "days": 86_400}[step.get(f"{name}_unit") or "days"]
    return float(step.get(name) or 0) * unit
