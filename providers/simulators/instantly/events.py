"""What can happen to a lead: each function changes the state and tells the webhooks."""

import html
import uuid
from typing import Any

from providers.simulators.instantly import enrolment
from providers.simulators.instantly.campaigns import rules
from providers.simulators.instantly.common import entities, messages
from providers.simulators.instantly.enrolment import Enrolment
from providers.simulators.instantly.figures.activity_log import note
from providers.simulators.instantly.leads import block_list, leads
from providers.simulators.instantly.leads.interests import enter_if_met, set_interest
from providers.simulators.instantly.state import options
from providers.simulators.instantly.webhooks.publishing import body_of, publish
from providers.simulators.kit import machines
from providers.simulators.kit.store import Object, Row, Store

EVENTS = ("sent", "open", "click", "reply", "auto_reply", "bounce", "unsubscribed", "interest", "account_error")


def message_of(store: Store, who: Enrolment, step: int) -> Row | None:
    """Return the message of this step, once it was sent."""
    return store.one(
        "select * from emails where lead_id = ? and ue_type = 1 and step = ? and subsequence_id is ?"
        " order by id desc limit 1",
        who.lead["id"],
        step,
        who.lead["subsequence_id"],
    )


def send(store: Store, who: Enrolment, step: int) -> Object:
    """Send a step to the lead; a step that was sent before is only announced again."""
    message, first = message_of(store, who, step), False
    if message is None:
        message = _write(store, who, step)
        first = note(store, who, "sent", (step, message["variant"]))
        _mark_sent(store, who, message)
    fields = messages.shown(store, message)
    more = {"email_subject": fields["subject"], "email_html": fields["body"].get("html", "")}
    return publish(store, who.campaign, body_of(store, who, "email_sent", **_place(store, message, first), **more))


def _place(store: Store, message: Row, first: bool) -> Object:
    first_mark = {"is_first": first} if options(store)["is_first"] else {}
    return {**first_mark, "step": message["step"] + 1, "variant": message["variant"] + 1}


def _write(store: Store, who: Enrolment, step: int) -> Row:
    text: Object = who.steps[step] if step < len(who.steps) else {"variants": []}
    variants: list[Object] = text["variants"] or [{"subject": "", "body": ""}]
    enabled = [place for place, one in enumerate(variants) if not one.get("v_disabled")] or [0]
    variant = enabled[who.draw(f"variant{step}", len(enabled))]
    chosen = variants[variant]
    known = {**who.variables, "sendingAccountEmail": who.mailbox}
    subject = enrolment.personal(chosen["subject"], known) or _earlier_subject(store, who)
    body: Object = {"html": enrolment.personal(str(chosen["body"]), known) + (options(store)["footer"] or "")}
    draft = messages.Draft(
        workspace=who.workspace,
        lead=who.lead,
        eaccount=who.mailbox,
        ue_type=messages.FROM_CAMPAIGN,
        subject=subject,
        body=body,
        sender=who.mailbox,
        recipients=who.lead["email"],
        step=(step, variant),
        thread_id=who.thread,
    )
    return messages.keep(store, draft)


def _earlier_subject(store: Store, who: Enrolment) -> str:
    found = store.value(
        "select json_extract(fields, '$.subject') from emails where lead_id = ? and ue_type = 1 order by id limit 1",
        who.lead["id"],
    )
    return f"Re: {found}" if found else ""


def _mark_sent(store: Store, who: Enrolment, message: Row) -> None:
    step: int = message["step"]
    at: str = message["created_at"]
    more = who.lead["interest"] is None and step + 1 < len(who.steps)
    due = store.clock.time() + rules.seconds(who.steps[step]) if more else None
    last: Object = {"from": who.mailbox, "stepID": f"0_{step}_{message['variant']}", "timestamp_executed": at}
    kept: Object = {"status_summary": {"lastStep": last}, "timestamp_last_touch": at, "esp_code": 1}
    if who.lead["subsequence_id"]:
        last_step = {"from": who.mailbox, "stepID": last["stepID"], "timestampExecuted": at}
        kept["status_summary_subseq"] = last_step
    columns: Object = {"step": max(step, who.lead["step"]), "due_at": due, "contacted_at": at}
    alive = who.lead["status"] in (leads.ACTIVE, leads.PAUSED)
    status = leads.COMPLETED if alive and not more else who.lead["status"]
    whole: Object = {**columns, "eaccount": who.mailbox, "thread_id": who.thread, "status": status}
    leads.put(store, who.lead, kept, **whole)
    if status == leads.COMPLETED and options(store)["completed_per"] == "lead":
        publish(store, who.campaign, body_of(store, who, "campaign_completed"))


def _sent_message(store: Store, who: Enrolment, step: int) -> Row:
    found = message_of(store, who, step)
    if found is None:
        send(store, who, step)
        found = message_of(store, who, step)
    if found is None:
        raise LookupError(step)
    return found


def _fresh(store: Store, who: Enrolment) -> Enrolment:
    return enrolment.enrolment(store, who.lead["id"]) or who


def open_(store: Store, who: Enrolment, step: int) -> Object:
    """Let the lead open a step's email; a message that was never sent goes out first."""
    return _counted(store, who, step, "open", "email_opened")


def click(store: Store, who: Enrolment, step: int) -> Object:
    """Let the lead click a link in a step's email."""
    return _counted(store, who, step, "click", "link_clicked")


def _counted(store: Store, who: Enrolment, step: int, kind: str, event: str) -> Object:
    message = _sent_message(store, who, step)
    who = _fresh(store, who)
    tracked = bool(who.campaign.get("open_tracking" if kind == "open" else "link_tracking"))
    first = note(store, who, kind, (message["step"], message["variant"])) if tracked else False
    body = body_of(store, who, event, **_place(store, message, first))
    if not tracked:
        return body
    word = {"open": "opened", "click": "clicked"}[kind]
    column = {"open": "opens", "click": "clicks"}[kind]
    kept = {f"email_{word}_step": step + 1, f"email_{word}_variant": message["variant"] + 1}
    kept[f"timestamp_last_{kind}"] = body["timestamp"]
    lead = leads.put(store, who.lead, kept, **{column: who.lead[column] + 1})
    enter_if_met(store, lead, activity={"open": 2, "click": 4}[kind])
    return publish(store, who.campaign, body)


def reply(
    store: Store, who: Enrolment, step: int, text: str = "Yes, tell me more.", *, by: str = "", auto: bool = False
) -> Object:
    """Let the lead, or another person in its name, answer a step's email."""
    sent = _sent_message(store, who, step)
    who = _fresh(store, who)
    sender = by or who.lead["email"]
    answer = _answer(store, who, sent, text, sender=sender, auto=auto)
    first = note(store, who, "auto" if auto else "reply", (sent["step"], sent["variant"]))
    kept = {
        "email_replied_step": step + 1,
        "email_replied_variant": sent["variant"] + 1,
        "timestamp_last_reply": answer["created_at"],
    }
    stop = who.campaign.get("stop_on_auto_reply" if auto else "stop_on_reply")
    columns: Object = {"replies": who.lead["replies"] + 1}
    if stop:
        columns["due_at"] = None
        alive = who.lead["status"] in (leads.ACTIVE, leads.PAUSED)
        columns["status"] = int(options(store)["replied_status"]) if alive else who.lead["status"]
    lead = leads.put(store, who.lead, kept, **columns)
    enter_if_met(store, lead, said=text)
    name = str(options(store)["auto_replies_as"]) if auto else "reply_received"
    body = body_of(store, who, name, **_place(store, sent, first), **reply_fields(store, who, answer, text))
    return body if name == "none" else publish(store, who.campaign, body)


def _answer(store: Store, who: Enrolment, sent: Row, text: str, *, sender: str, auto: bool) -> Row:
    fields = messages.shown(store, sent)
    subject = fields["subject"]
    quoted = enrolment.plain(fields["body"].get("html", ""))
    whole = f"{text}\n\nOn {sent['created_at'][:10]} {who.mailbox} wrote:\n\n> {quoted}\n"
    said = text if text.startswith("<") else f'<div dir="auto">{html.escape(text, quote=False)}</div>'
    page = f'{said}<br><div class="gmail_quote">{quoted}</div>'
    draft = messages.Draft(
        workspace=who.workspace,
        lead=who.lead,
        eaccount=who.mailbox,
        ue_type=messages.RECEIVED,
        subject=subject if subject.startswith("Re: ") else f"Re: {subject}",
        body={"text": whole, "html": page},
        sender=sender,
        recipients=who.mailbox,
        step=(sent["step"], sent["variant"]),
        thread_id=who.thread,
        auto=auto,
        more={"content_preview": text[:100], "message_id": f"<{uuid.uuid4().hex}@mail.{sender.partition('@')[2]}>"},
    )
    return messages.keep(store, draft)


def reply_fields(store: Store, who: Enrolment, answer: Row, text: str) -> Object:
    """Return what a reply's body tells of the reply, in the generation that is set."""
    fields = messages.shown(store, answer)
    body: Object = {
        "reply_subject": fields["subject"],
        "reply_text": fields["body"]["text"],
        "reply_text_snippet": text,
    }
    newer = options(store)["reply_payload"] == "B"
    search = f"thread:{who.thread}" if newer else who.lead["email"]
    body["unibox_url"] = f"https://app.instantly.ai/app/unibox?thread_search={search}&selected_wks={who.workspace}"
    return body | ({"email_id": answer["id"]} if newer else {"reply_html": fields["body"]["html"]})


def bounce(store: Store, who: Enrolment, step: int, meaning: str = "hard") -> Object:
    """Let a step's email bounce. Of a dead address an event tells, without the mail server's words; of anything else
    only the mail server's report, which comes in as a reply does."""
    if meaning != "hard":
        email = str(who.lead["email"])
        report = f"Your message to {email} couldn't be delivered.\n\n{machines.report(meaning, email)}"
        return reply(store, who, step, report, by=f"mailer-daemon@{email.partition('@')[2]}")
    message = _sent_message(store, who, step)
    who = _fresh(store, who)
    first = note(store, who, "bounce", (message["step"], message["variant"]))
    leads.put(store, who.lead, status=leads.BOUNCED, due_at=None)
    return publish(store, who.campaign, body_of(store, who, "email_bounced", **_place(store, message, first)))


def unsubscribe(store: Store, who: Enrolment) -> Object:
    """Take the lead out of this campaign; other campaigns go on, unless the workspace blocks such addresses."""
    if who.lead["status"] != leads.UNSUBSCRIBED:
        note(store, who, "unsubscribe", None)
    leads.put(store, who.lead, status=leads.UNSUBSCRIBED, due_at=None)
    workspace = entities.find(store, who.workspace, "workspace", who.workspace) or {}
    if workspace.get("add_unsub_to_block"):
        block_list.block(store, who.workspace, who.lead["email"])
    return publish(store, who.campaign, body_of(store, who, "lead_unsubscribed"))


def account_error(store: Store, who: Enrolment) -> Object:
    """Let the lead's mailbox lose its connection."""
    account = entities.find(store, who.workspace, "account", who.mailbox)
    if account:
        message = {"code": "EAUTH", "command": "AUTH", "response": "535 Authentication failed", "responseCode": 535}
        entities.save(store, who.workspace, "account", {**account, "status": -1, "status_message": message})
    lead = {"lead_email": ..., "email": ...}
    base = body_of(store, who, "account_error", **lead)
    return publish(store, who.campaign, {key: base[key] for key in base if key not in who.variables})


def happen(store: Store, who: Enrolment, event: str, step: int = 0, **said: Any) -> Object:
    """Make one of the EVENTS happen; after a colon may stand a bounce's meaning, or an away note's language."""
    event, _, kind = event.partition(":")
    if event in ("reply", "auto_reply"):
        note: dict[str, Any] = {"text": machines.away(kind or "en").text, "auto": True} if event == "auto_reply" else {}
        return reply(store, who, step, **{**note, **said})
    if event == "bounce":
        return bounce(store, who, step, kind or "hard")
    if event == "unsubscribed":
        return unsubscribe(store, who)
    if event == "interest":
        return set_interest(store, who, said.get("value"))
    if event == "account_error":
        return account_error(store, who)
    return {"sent": send, "open": open_, "click": click}[event](store, who, step)
