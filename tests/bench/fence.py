"""What the fence and the signature cost: the same query on the fenced table and on a twin with a filter by hand."""

from pathlib import Path

from tests.bench import pgbench
from tests.bench.ground import Ground
from tests.bench.report import Report

CLIENTS = 4
BY_HAND = "l.org_id = cast(:org as uuid) and l.company_id = cast(:company as uuid) and l.deleted_at is null"
MEASURED = ("list 50 leads by domain", "get one lead")
FENCED, LOOK_UP, BARE = "fence and signature", "filter by hand, token looked up", "filter by hand, nothing looked up"


def by_hand(query: str) -> str:
    """Return a query of the product as it would read on the twin."""
    twin = query.replace("outbound.leads", "bench.leads").replace("outbound.lead_document", "bench.lead_document")
    return twin.replace("l.deleted_at is null", BY_HAND)


def scripts(folder: Path) -> dict[str, dict[str, Path]]:
    """Write the three ways of each read."""
    found: dict[str, dict[str, Path]] = {}
    for name in MEASURED:
        query = pgbench.queries()[name]
        texts = {
            FENCED: pgbench.transaction(query),
            LOOK_UP: pgbench.transaction(by_hand(query), opening="look_up"),
            BARE: pgbench.transaction(by_hand(query), opening=""),
        }
        found[name] = {way: pgbench.write(folder, f"{name} {way}", text) for way, text in texts.items()}
    return found


def measure(ground: Ground, report: Report, *, rounds: int, seconds: int) -> None:
    """Run the ways in turn and report how many times longer the fenced transaction takes."""
    for name, ways in scripts(ground.folder).items():
        times: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(rounds):
            for way, script in ways.items():
                run = pgbench.run(
                    ground, script, tier="company", seconds=seconds, clients=CLIENTS, base=number * CLIENTS
                )
                times[way].append(run.milliseconds)
        for way, limit in ((LOOK_UP, 1.2), (BARE, None)):
            report.ratio(
                f"fence: {name}, time against {way}", times[FENCED], times[way], names=(FENCED, way), at_most=limit
            )
