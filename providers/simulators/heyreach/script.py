"""What a person does, which depends on the profile URL alone, so that a list always tells the same story."""

from dataclasses import dataclass

from providers.simulators.heyreach.leads.profiles import draw
from providers.simulators.kit.machines import language


@dataclass(frozen=True)
class Script:
    """One person's part; waits are in hours."""

    fails: bool
    fails_later: bool
    accepts: bool
    replies: bool
    replies_again: bool
    answers_inmail: bool
    has_email: bool
    is_open: bool
    patience: float
    words: str
    away: str | None  # the language of the note that answers a message, where a machine does


_WORDS = ("Sure, tell me more", "Not interested, thanks", "Who are you?", "Let us talk next week")


def script(url: str) -> Script:
    """Return the part of the person behind a profile URL."""
    return Script(
        fails=draw(url, "fails") < 0.03,
        fails_later=draw(url, "fails later") < 0.02,
        accepts=draw(url, "accepts") < 0.45,
        replies=draw(url, "replies") < 0.25,
        replies_again=draw(url, "replies again") < 0.30,
        answers_inmail=draw(url, "answers inmail") < 0.15,
        has_email=draw(url, "has email") < 0.50,
        is_open=draw(url, "is open") < 0.30,
        patience=0.5 + 2 * draw(url, "patience"),
        away=language(draw(url, "language")) if draw(url, "away") < 0.02 else None,
        words=_WORDS[int(draw(url, "words") * len(_WORDS))],
    )
