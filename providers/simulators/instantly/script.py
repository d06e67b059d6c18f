"""What a lead does, read from sha256 of its address alone, so every run of a list tells the same story."""

import hashlib

from providers.simulators.kit import machines


def script(email: str) -> list[tuple[float, str]]:
    """Return what a lead does after its first email: (seconds later, event)."""
    digest = hashlib.sha256(email.encode()).digest()
    draws = [int.from_bytes(digest[2 * place : 2 * place + 2]) / 65536 for place in range(10)]
    if draws[0] < 0.03:
        return [(0.1 + 0.3 * draws[5], f"bounce:{machines.meaning(draws[9])}")]
    acts: list[tuple[float, str]] = []
    if draws[1] < 0.40:
        acts.append((0.1 + 0.3 * draws[5], "open"))
        if draws[2] < 0.25:
            acts.append((0.45 + 0.1 * draws[6], "click"))
    if draws[3] < 0.06:
        acts.append((0.6 + 0.3 * draws[7], "reply"))
        acts.append((1.2, f"interest:{_opinion(draws[8])}"))
    elif draws[3] < 0.08:
        acts.append((0.6, f"auto_reply:{machines.language(draws[9])}"))
        acts.append((1.2, "interest:0"))
    if draws[4] < 0.02:
        acts.append((1.0, "unsubscribed"))
    return acts


def _opinion(drawn: float) -> str:
    return "1" if drawn < 0.4 else "2" if drawn < 0.5 else "-1" if drawn < 0.75 else ""
