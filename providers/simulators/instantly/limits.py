"""The request budgets: one for the whole workspace, and narrower ones for two routes of the unibox."""

from providers.simulators.kit.clock import Clock
from providers.simulators.kit.limits import Limiter

_NARROW = {("GET", "/api/v2/emails"): "20/60", ("POST", "/api/v2/emails/test"): "10/60"}


class Limits:
    """Counts requests; a profile of 0 lifts the narrow limits too."""

    def __init__(self, profile: str, clock: Clock) -> None:
        self._general = Limiter(profile, clock)
        narrow = {} if profile == "0" else _NARROW
        self._narrow = {route: Limiter(limit, clock, sliding=True) for route, limit in narrow.items()}

    def allow(self, workspace: str, method: str, path: str) -> bool:
        """Use up one request and return whether it was within every budget."""
        limiters = [self._general, self._narrow.get((method, path.rstrip("/")))]
        budgets = [limiter.take(workspace) for limiter in limiters if limiter is not None]
        return all(budget is None or budget.allowed for budget in budgets)
