"""An email as it is kept and as the unibox shows it."""

import json
from dataclasses import dataclass, field

from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.state import options
from providers.simulators.kit.store import Object, Row, Store

FROM_CAMPAIGN, RECEIVED, MANUAL = 1, 2, 3


@dataclass(frozen=True)
class Draft:
    """A message that is about to be kept; `lead` is the lead's row, if it has one."""

    workspace: str
    lead: Row | None
    eaccount: str
    ue_type: int
    subject: str
    body: Object
    sender: str
    recipients: str
    step: tuple[int, int] | None = None
    thread_id: str = ""
    auto: bool = False
    more: Object = field(default_factory=dict[str, object])


def keep(store: Store, draft: Draft) -> Row:
    """Keep a message and return its row."""
    identity = ids.ordered_id(store)
    lead, domain = draft.lead, draft.sender.rpartition("@")[2]
    local = f"ins-u-1-{ids.ordered_id(store)}" if draft.ue_type == MANUAL else identity
    row: Object = {
        "id": identity,
        "workspace": draft.workspace,
        **{name: lead[name] if lead else None for name in ("campaign", "subsequence_id", "list_id")},
        "lead_id": lead["id"] if lead else None,
        "lead": lead["email"] if lead else None,
        "eaccount": draft.eaccount,
        "ue_type": draft.ue_type,
        "step": draft.step[0] if draft.step else None,
        "variant": draft.step[1] if draft.step else None,
        "thread_id": draft.thread_id or (lead["thread_id"] if lead else "") or "",
        "is_unread": 1 if draft.ue_type != MANUAL else 0,
        "is_auto_reply": int(draft.auto),
        "created_at": store.clock.stamp(),
        "fields": json.dumps(
            {
                "message_id": f"<{local}@{domain}>",
                "subject": draft.subject,
                "body": draft.body,
                "from_address_email": draft.sender,
                "to_address_email_list": draft.recipients,
                **draft.more,
            }
        ),
    }
    store.insert("emails", row)
    return get(store, identity)


def get(store: Store, identity: str) -> Row:
    """Return a message that is known to exist."""
    row = store.one("select * from emails where id = ?", identity)
    if row is None:
        raise LookupError(identity)
    return row


def shown(store: Store, row: Row, *, exact: bool = False, preview: bool = False) -> Object:
    """Return a message as lists show it, with whole seconds, or `exact` as the answer that made it."""
    fields: Object = json.loads(row["fields"])
    at = row["created_at"] if exact else f"{row['created_at'].partition('.')[0]}.000Z"
    manual = row["ue_type"] == MANUAL
    whole: Object = {
        "id": row["id"],
        "timestamp_created": at,
        "timestamp_email": at,
        **fields,
        **({"body": {}} if preview else {}),
        "organization_id": row["workspace"],
        "eaccount": row["eaccount"],
        **{name: row[name] for name in ("subsequence_id", "list_id", "lead", "lead_id", "ue_type")},
        "campaign_id": row["campaign"],
        "step": step_text(store, row),
        "is_unread": None if manual else row["is_unread"],
        "is_auto_reply": row["is_auto_reply"] or None,
        "i_status": row["i_status"],
        "is_focused": 1,
        "thread_id": row["thread_id"],
    }
    return entities.shown(whole)


def step_text(store: Store, row: Row) -> str | None:
    """Return which step and variant a message was."""
    if row["step"] is None:
        return None
    word = options(store)["step_form"] == "word"
    return f"step-{row['step'] + 1}" if word else f"0_{row['step']}_{row['variant']}"
