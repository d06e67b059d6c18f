"""The HTTP half of the isolation proof: every route, every attacker, every place where an id can stand.

`run(engine, seed, progress)` makes a victim with one of everything, tries all that must fail, looks whether anything
changed, and then lets the owner do the same, so that no refusal comes from a request that no caller could make.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.engine import Engine
from tests.prove.http import forgery, matrix, oracles
from tests.prove.http.asks import UnknownRouteError, operations, undocumented
from tests.prove.http.attackers import every_attacker
from tests.prove.http.ground import Ground, begin

NAME = "http"
GUESSES = 100_000
Result = tuple[str, dict[str, int], list[str], list[str]]


def run(engine: Engine, seed: int, progress: Callable[[str], None], *, share: float = 1.0) -> Result:
    """Run the proof on an engine and return its name, its counts, what failed, and what was not run.

    `share` is the part of the probes that a sample makes; everything else is done whole.
    """
    found = matrix.Findings()
    not_run: list[str] = []
    rng = random.Random(seed)
    with _standing_still(engine):
        try:
            ground = begin(engine)
            forge = forgery.Forge(engine, ground.keeper.tokens["access_token"], seed)
            attackers = every_attacker(ground, forge)
            found.failures += undocumented(engine, ground.victim.org.token)
            found.counts |= {"routes": len(operations()), "attackers": len(attackers)}
            progress(f"{len(operations())} routes, {len(attackers)} attackers")
            tried = matrix.probes(ground, attackers, rng, share)
        except UnknownRouteError as error:
            return NAME, found.counts, [*found.failures, str(error)], ["everything: a route cannot be asked for"]
        if share < 1:
            not_run.append(f"{1 - share:.0%} of the probes: this was a sample")
        _negatives(ground, forge, tried, found, progress)
        oracles.run(ground, found, progress)
        matrix.positives(ground, found, progress)
    return NAME, found.counts, found.failures, not_run


def _negatives(
    ground: Ground,
    forge: forgery.Forge,
    tried: list[matrix.Probe],
    found: matrix.Findings,
    progress: Callable[[str], None],
) -> None:
    """Do all that must leave no trace, and look whether it did."""
    engine, victim, sibling = ground.engine, ground.victim, ground.sibling
    _not_polled(engine, victim.org.id)
    seen_before = matrix.snapshot(ground)
    rows_before = matrix.quiet(engine, victim, sibling)
    matrix.attack(ground, tried, found, progress)
    found.count("hostile tokens", len(forge.table))
    found.count("tries with hostile tokens", forgery.hostile(ground, forge, forge.table, found.failures))
    found.count("controls", forgery.control(ground, forge, found.failures))
    found.count("guesses", forgery.guesses(ground, forge.rng, GUESSES, 200, found.failures))
    progress(f"{len(forge.table)} hostile tokens, {GUESSES} guesses, {len(found.failures)} failures")
    own = {"companies", "campaigns", "leads"}  # at least these must be compared, or the census has gone blind
    rows_after = matrix.census(engine, victim, sibling)
    if not own <= rows_after.keys():
        found.failures.append(f"the census does not see {own - rows_after.keys()}")
    found.failures += matrix.differences(rows_before, rows_after, "the victim's rows")
    found.failures += matrix.differences(seen_before, matrix.snapshot(ground), "what the owner reads")


def _not_polled(engine: Engine, org_id: str) -> None:
    """Let the victim's figures not be polled meanwhile, which is noted: on a slow machine it falls due."""
    with engine.sql() as sql:
        later = "update outbound.campaign_bindings set poll_at = now() + interval '1 day' where org_id = %s"
        sql.execute(later, [org_id])


@contextmanager
def _standing_still(engine: Engine) -> Iterator[None]:
    """Keep the simulated provider from playing: nothing may change but by the requests."""
    with engine.control as control:
        control.put("/settings", json={"autoplay": False}).raise_for_status()
        try:
            yield
        finally:
            control.put("/settings", json={"autoplay": True}).raise_for_status()


__all__ = ["run"]
