"""What machines write back: away notes in ten languages, and delivery reports by what they mean.

The texts, in `machines.toml`, are our own, in the manner of Exchange, Gmail and large mail servers.
"""

import hashlib
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from providers.simulators.kit.store import Object

MEANINGS = ("hard", "soft", "sender_refused")
CATEGORIES = tuple(str(number) for number in range(1, 8))


class AwayNote(NamedTuple):
    """What a mail program answers for a person who is away; `subject` stands before that of the mail."""

    subject: str
    text: str


@cache
def _written() -> Object:
    return tomllib.loads(Path(__file__).with_name("machines.toml").read_text())


def languages() -> tuple[str, ...]:
    """Return the languages of the away notes, as ISO 639-1 codes."""
    return tuple(_written()["away"])


def fits(event: str, kind: str) -> bool:
    """Return whether there is such a kind of an event: a bounce's meaning, an away note's language, a category."""
    kinds = {"bounce": MEANINGS, "auto_reply": languages(), "category": CATEGORIES}
    return not kind or kind in kinds.get(event, ())


def away(language: str = "en") -> AwayNote:
    """Return the away note of a language."""
    return AwayNote(*_written()["away"][language])


def report(meaning: str, address: str) -> str:
    """Return a mail server's line of one of the MEANINGS, always the same one for an address."""
    lines: list[str] = _written()["reports"][meaning]
    return lines[int.from_bytes(hashlib.sha256(address.encode()).digest()[:4]) % len(lines)]


def language(drawn: float) -> str:
    """Return the language in which a machine answers for a person; `drawn` is at least 0 and below 1."""
    return languages()[int(drawn * len(languages()))]


def meaning(drawn: float) -> str:
    """Return why a mail to a person comes back: most for good, some for now, a few because of the sender."""
    return MEANINGS[0 if drawn < 0.7 else 1 if drawn < 0.9 else 2]
