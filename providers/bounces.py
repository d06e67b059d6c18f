"""What a bounce says: that the address is dead, that it may be tried again, or that the sender is refused.

Codes are those of RFC 3463 and RFC 5321; the words are what mail servers write beside them.
"""

import re
from typing import Literal

from providers.masking import reason_of

Kind = Literal["hard", "soft", "sender_refused"]
LONGEST = 4_000
ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
BASIC = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")
TRUE = frozenset({"true", "1", "yes", "y", "on"})
SOFT = re.compile(
    r"mailbox (?:is )?full|over ?quota|quota (?:has been )?exceeded|exceeded (?:its|the|your)? ?(?:storage|quota)"
    r"|insufficient storage|try (?:again )?later|temporar|greylist|graylist|timed? ?out|deferred|too many connections"
    r"|rate limit|throttl|delay|still trying|connection (?:refused|reset)",
    re.IGNORECASE,
)
SENDER = re.compile(
    r"spam|blocked|block ?list|black ?list|blacklisted|reputation|dmarc|\bspf\b|\bdkim\b|policy|sending (?:quota|limit)"
    r"|sender (?:address )?(?:rejected|denied|refused)|not authori[sz]ed|authentication|relay(?:ing)? denied"
    r"|unsolicited|banned|suspicious|listed (?:at|in|by)",
    re.IGNORECASE,
)
DEAD = re.compile(
    r"user unknown|unknown (?:user|recipient|address)|no such (?:user|person|recipient|mailbox|address)"
    r"|does ?n[o']t exist"
    r"|not exist|address not found|not found|no longer (?:valid|available|active|with|works)|mailbox (?:not found"
    r"|unavailable)"
    r"|recipient (?:address )?rejected|invalid (?:recipient|mailbox|address|user)|account (?:is )?(?:disabled"
    r"|inactive|closed)"
    r"|undeliverable address|domain (?:not found|does not)|unrouteable|host (?:not found|unknown)",
    re.IGNORECASE,
)


def is_true(flag: object) -> bool:
    """Whether a flag is set, in any spelling."""
    return flag is True or str(flag).strip().lower() in TRUE


def bounce_data(text: str | None, *, sender_refused: object = False) -> dict[str, object]:
    """Return what may be shown of a bounce: the mail server's line, whether it refuses the sender, what it means."""
    return {
        "reason": reason_of(text),
        "sender_refused": is_true(sender_refused),
        "kind": bounce_kind(text, sender_refused=sender_refused),
    }


def bounce_kind(text: str | None, *, sender_refused: object = False) -> Kind | None:
    """Return what a bounce means, or None where its text does not say.

    `sender_refused` is the provider's own flag, which decides. Else a code that is exact decides before words, and
    words before a code that is not.
    """
    if is_true(sender_refused):
        return "sender_refused"
    said = (text or "")[:LONGEST]
    if enhanced := ENHANCED.search(said):
        kind = _by_code(*enhanced.groups())
        if kind is not None:
            return kind
    for pattern, kind in WORDS:
        if pattern.search(said):
            return kind
    if basic := BASIC.search(said):
        return "soft" if basic[1][0] == "4" or basic[1] == "552" else "hard"
    return None


WORDS: tuple[tuple[re.Pattern[str], Kind], ...] = ((DEAD, "hard"), (SOFT, "soft"), (SENDER, "sender_refused"))


def _by_code(category: str, subject: str, detail: str) -> Kind | None:
    """Return what an enhanced code means by itself; 5.0.0 and its like mean nothing."""
    if category == "4":
        return "soft"
    if category == "2":
        return None
    if (subject, detail) in (("2", "2"), ("3", "1")):
        return "soft"  # full
    if subject == "7":
        return "sender_refused"
    if subject == "1":
        return "sender_refused" if detail in ("7", "8") else "hard"  # a bad sender's address, or a bad one's
    return "hard" if (subject, detail) in (("2", "1"), ("4", "4"), ("4", "1"), ("2", "0")) else None
