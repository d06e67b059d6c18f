"""A lead inside a campaign, with everything a message to it needs."""

import hashlib
import json
import re
from dataclasses import dataclass
from html import unescape

from providers.simulators.instantly.campaigns import rules
from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.senders import mailboxes
from providers.simulators.kit.store import Object, Row, Store

_TAG = re.compile(r"\{\{\s*([\w .-]+?)\s*\}\}")
_PLACE = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Enrolment:
    """One lead in one campaign; `owner` is the campaign, or the subsequence the lead is in."""

    lead: Row
    campaign: Object
    owner: Object
    mailbox: str

    @property
    def workspace(self) -> str:
        """Return whose lead it is."""
        return self.lead["workspace"]

    @property
    def variables(self) -> Object:
        """Return the lead's payload."""
        return json.loads(self.lead["fields"]).get("payload", {})

    @property
    def steps(self) -> list[Object]:
        """Return the steps the lead gets."""
        return rules.steps_of(self.owner)

    @property
    def thread(self) -> str:
        """Return the conversation's id."""
        return self.lead["thread_id"] or ids.thread_id(self.campaign["id"], self.lead["id"])

    def draw(self, salt: str, among: int) -> int:
        """Return a number below `among` that depends on the lead alone."""
        digest = hashlib.sha256(f"{salt}/{self.lead['email']}".encode()).digest()
        return int.from_bytes(digest[:4]) % among


def enrolment(store: Store, lead_id: str) -> Enrolment | None:
    """Return the lead as it stands, if it is in a campaign that has a mailbox for it."""
    lead = store.one("select * from leads where id = ?", lead_id)
    if lead is None or not lead["campaign"] or not lead["email"]:
        return None
    campaign = entities.find(store, lead["workspace"], "campaign", lead["campaign"])
    if campaign is None:
        return None
    owner = campaign
    if lead["subsequence_id"]:
        owner = entities.find(store, lead["workspace"], "subsequence", lead["subsequence_id"]) or campaign
    mailbox = lead["eaccount"]
    if not mailbox:
        known = mailboxes.senders(store, lead["workspace"], campaign)
        if not known:
            return None
        mailbox = known[int(hashlib.sha256(lead["email"].encode()).hexdigest()[:8], 16) % len(known)]
    return Enrolment(lead, campaign, owner, mailbox)


def personal(template: str, variables: Object) -> str:
    """Fill a template's merge tags."""
    return _TAG.sub(lambda tag: str(variables.get(tag[1]) or ""), template)


def plain(html: str) -> str:
    """Return the words of an HTML body."""
    return unescape(" ".join(_PLACE.sub(" ", html).split()))
