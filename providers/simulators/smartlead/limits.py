"""How the provider tells of its request budget: headers with every answer, and a body of its own."""

from providers.simulators.kit.limits import Budget
from providers.simulators.kit.store import Object


def headers(budget: Budget | None) -> dict[str, str]:
    """Return the headers of an answer."""
    if budget is None:
        return {}
    found = {
        "X-RateLimit-Limit": str(budget.limit),
        "X-RateLimit-Remaining": str(budget.remaining),
        "X-RateLimit-Reset": str(budget.resets_at),
    }
    return found if budget.allowed else {**found, "Retry-After": str(budget.retry_after)}


def too_many(retry_after: str) -> Object:
    """Return the body of a 429."""
    return {
        "error": {
            "code": "RATE_LIMIT_EXCEEDED",
            "message": f"Too many requests. Please retry after {retry_after} seconds.",
            "retry_after": int(retry_after),
        }
    }
