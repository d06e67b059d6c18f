"""How the provider tells that there were too many requests: a body and a header that may be chosen."""

from providers.simulators.kit.store import Object


def too_many(chosen: Object, seconds: float) -> tuple[str | None, dict[str, str]]:
    """Return the body and the headers of a 429."""
    headers = {"Retry-After": str(max(1, round(seconds)))} if chosen["retry_after"] else {}
    return chosen["too_many_body"], headers
