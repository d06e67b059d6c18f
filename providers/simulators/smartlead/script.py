"""What a lead does, read from sha256 of its address alone, so every run of a list tells the same story."""

import hashlib

from providers.simulators.kit import machines

_OPINIONS = ((0.4, 1), (0.5, 2), (0.75, 3), (0.8, 4), (0.85, 7))  # shares of those who reply, and their category
_AWAY = 6


def script(email: str) -> list[tuple[float, str]]:
    """Return what a lead does after its first email: (seconds later, event, after a colon what kind of it)."""
    digest = hashlib.sha256(email.encode()).digest()
    draws = [int.from_bytes(digest[2 * place : 2 * place + 2]) / 65536 for place in range(11)]
    if draws[0] < 0.03:
        return [(0.1 + 0.3 * draws[5], f"bounce:{machines.meaning(draws[8])}")]
    acts: list[tuple[float, str]] = []
    if draws[1] < 0.40:
        acts.append((0.1 + 0.3 * draws[5], "open"))
        if draws[2] < 0.25:
            acts.append((0.45 + 0.1 * draws[6], "click"))
    if draws[3] < 0.06:
        acts.append((0.6 + 0.3 * draws[7], "reply"))
        acts.extend((1.2, f"category:{number}") for number in _opinion(draws[8]))
    elif draws[3] < 0.08:
        acts.append((0.6, f"auto_reply:{machines.language(draws[9])}"))
        acts.append((1.2, f"category:{_AWAY}"))
    if draws[4] < 0.02:
        acts.append((1.0, "unsubscribed"))
    return acts


def _opinion(drawn: float) -> list[int]:
    return [number for share, number in _OPINIONS if drawn < share][:1]
