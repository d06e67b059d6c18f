"""A lead's interest, what it tells the webhooks, and the subsequences it leads into."""

from typing import Any

from providers.simulators.instantly import enrolment
from providers.simulators.instantly.common import entities, messages
from providers.simulators.instantly.enrolment import Enrolment
from providers.simulators.instantly.figures.activity_log import note
from providers.simulators.instantly.leads import leads
from providers.simulators.instantly.leads.subsequence import enter
from providers.simulators.instantly.webhooks.publishing import body_of, publish
from providers.simulators.kit.store import Object, Row, Store

_EVENTS = {
    None: "lead_neutral",
    0: "lead_out_of_office",
    1: "lead_interested",
    2: "lead_meeting_booked",
    3: "lead_meeting_completed",
    4: "lead_closed",
    -1: "lead_not_interested",
    -2: "lead_wrong_person",
    -4: "lead_no_show",
}
_OPPORTUNITY = (1, 2, 3, 4)


def set_interest(store: Store, who: Enrolment, value: int | None) -> Object:
    """Give the lead an interest, or none; any interest ends its sequence."""
    ended = {} if value is None else {"due_at": None}
    lead = leads.put(store, who.lead, {"timestamp_last_interest_change": store.clock.stamp()}, interest=value, **ended)
    store.run("update emails set i_status = ? where lead_id = ?", value, lead["id"])
    if value is not None:
        note(store, who, f"interest:{value}", None)
        enter_if_met(store, lead, interest=value)
    if value in _OPPORTUNITY:
        note(store, who, "opportunity", None)
    event = _EVENTS.get(value) or _label(store, who.workspace, value)
    body = body_of(store, who, event or "", email_account=..., **_last_reply(store, lead))
    return publish(store, who.campaign, body, interest=value) if event else body


def _label(store: Store, workspace: str, value: int | None) -> str | None:
    for label in entities.every(store, workspace, "label"):
        if label["interest_status"] == value:
            return str(label["label"])
    return None


def _last_reply(store: Store, lead: Row) -> Object:
    row = store.one("select * from emails where lead_id = ? and ue_type = 2 order by id desc limit 1", lead["id"])
    if row is None:
        return {}
    fields = messages.shown(store, row)
    return {
        "step": row["step"] + 1,
        "variant": row["variant"] + 1,
        "reply_subject": fields["subject"],
        "reply_text": fields["body"]["text"],
        "reply_html": fields["body"]["html"],
        "reply_text_snippet": fields.get("content_preview", ""),
    }


def enter_if_met(
    store: Store, lead: Row, *, interest: int | None = None, activity: int | None = None, said: str = ""
) -> None:
    """Put the lead into the first subsequence of its campaign whose condition was just met."""
    if lead["subsequence_id"]:
        return
    for subsequence in entities.of_parent(store, "subsequence", lead["campaign"]):
        conditions: dict[str, Any] = subsequence["conditions"]
        words = str(conditions.get("reply_contains") or "").lower()
        met = (
            (interest is not None and interest in conditions.get("crm_status", []))
            or (activity is not None and activity in conditions.get("lead_activity", []))
            or (words and said and words in said.lower())
        )
        if met and subsequence["status"] == 1:
            enter(store, lead, subsequence)
            return


def later(store: Store, lead_id: str, event: str) -> None:
    """Do what was requested a moment ago: `interest:` and a value, or none."""
    value = int(text) if (text := event.removeprefix("interest:")) else None
    who = enrolment.enrolment(store, lead_id)
    if who:
        set_interest(store, who, value)
        return
    row = store.one("select * from leads where id = ?", lead_id)
    if row:
        kept = {"timestamp_last_interest_change": store.clock.stamp()}
        leads.put(store, row, kept, interest=value)
