"""What a run of the suite tells at its end: the CPU time it took, and what it left out and what that needs."""

import os
import resource
from collections import Counter
from typing import Any

import pytest

NEEDS = {
    "libxml": "a Postgres that is built with libxml (Debian's is)",
    "postgrest": "PostgREST, which npm installs on Linux",
    "node": "Node with npm, and its registry",
}
STRICT = "OUTBOUND_TEST_STRICT"  # with it a skipped test fails the run: where everything that is needed is installed


def left_out(reporter: Any) -> Counter[str]:
    """Return how many tests were skipped, by the reason."""
    reasons = Counter[str]()
    for report in reporter.stats.get("skipped", ()):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix("Skipped: ")] += 1
    return reasons


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of every one that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def tell(config: pytest.Config) -> None:
    """Write the last lines of a run."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or os.environ.get("PYTEST_XDIST_WORKER"):
        return
    reporter.write_line(f"CPU time of the run: {cpu_seconds():.0f} s")
    reasons = left_out(reporter)
    text = "; ".join(f"{count} {reason}" for reason, count in sorted(reasons.items())) or "nothing"
    reporter.write_line(f"skipped: {text}")
