"""What accounts call an answer, in one set of words: a provider's category, a label or a tag of the account's own."""

import re
from typing import Literal

from providers.deliveries import LONGEST_ADDRESS
from providers.models import Fact

Label = Literal["interested", "not_interested", "meeting", "out_of_office", "wrong_person", "do_not_contact", "other"]
WORDS: dict[str, Label] = {
    "interested": "interested", "positive": "interested", "very interested": "interested", "warm": "interested",
    "hot": "interested", "hot lead": "interested", "information request": "interested", "info request": "interested",
    "more info": "interested", "closed": "interested", "won": "interested", "closed won": "interested",
    "not interested": "not_interested", "uninterested": "not_interested", "no interest": "not_interested",
    "negative": "not_interested", "lost": "not_interested", "closed lost": "not_interested",
    "meeting": "meeting", "meeting request": "meeting", "meeting requested": "meeting", "meeting booked": "meeting",
    "meeting completed": "meeting", "booked": "meeting", "call booked": "meeting", "demo": "meeting",
    "demo booked": "meeting", "meeting scheduled": "meeting",
    "out of office": "out_of_office", "ooo": "out_of_office", "auto reply": "out_of_office",
    "automatic reply": "out_of_office", "vacation": "out_of_office", "away": "out_of_office",
    "wrong person": "wrong_person", "not the right person": "wrong_person", "wrong contact": "wrong_person",
    "referral": "wrong_person",
}  # fmt: skip
STOPS= frozenset({
    "do not contact", "dont contact", "do not contact again", "do not email", "do not mail", "dnc", "unsubscribe",
    "unsubscribed", "unsubscribe request", "opt out", "opted out", "optout", "remove me", "remove", "remove from list",
    "stop", "blocklist", "blacklist", "blocked", "blacklisted",
})  # fmt: skip
POSITIVE: frozenset[Label] = frozenset({"interested", "meeting"})


def label_of(name: str, *, sentiment: str = "") -> Label | None:
    """Return what a category says in our words, None where there is none. `sentiment` is what the provider says of a
    category of the account's own."""
    words = " ".join(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name[:LONGEST_ADDRESS]).lower()))
    if not name.strip():
        return None
    if asks_to_stop(name):
        return "do_not_contact"
    if words in WORDS:
        return WORDS[words]
    return "interested" if sentiment.strip().lower() == "positive" else "other"


def facts_of(label: Label) -> list[Fact]:
    """Return what a label is: itself, and the wish or the interest that it stands for."""
    if label == "do_not_contact":
        return [Fact.UNSUBSCRIBED, Fact.LABELLED]
    return [Fact.INTERESTED, Fact.LABELLED] if label in POSITIVE else [Fact.LABELLED]


def asks_to_stop(label: str) -> bool:
    """Whether a category or a label, in any spelling, says that a person must not be contacted."""
    words = " ".join(re.findall(r"[a-z]+", label[:LONGEST_ADDRESS].lower().replace("'", "")))
    return words in STOPS
