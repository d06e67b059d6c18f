"""The whole proof of isolation in scratch databases: lint, matrix, oracles, forgeries, doors, pool bleed, mutants."""

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

from api.ops.isolation.attackers import arena
from api.ops.isolation.bleed import Caller, bleed
from api.ops.isolation.catalog import read_catalog
from api.ops.isolation.doors import Stale
from api.ops.isolation.inside import inside_sections
from api.ops.isolation.oracles import spread
from api.ops.isolation.report import Report, Say, Section
from api.ops.isolation.run import finish, lint_section, probe_sections
from api.ops.isolation.targets import Rows, sample_rows
from api.ops.isolation.timing import timed
from tests.engine import Engine
from tests.prove import http
from tests.prove.isolation.ground import SEEDED, Ground, ground, widen
from tests.prove.isolation.mutants import court, every_mutant, some


@dataclass(frozen=True)
class Size:
    """How much is tried. `mutants` None is all of them."""

    requests: int
    mutants: int | None
    few: bool


SIZES = {"small": Size(requests=300, mutants=18, few=True), "full": Size(requests=2000, mutants=None, few=False)}
OUT = Path("out/isolation")
PARTS = 2


def main(size: str, seed: int) -> bool:
    """Run the proof, in the database and over HTTP, and write its report; return whether it holds. It has one size."""
    print(f"isolation: seed {seed}")
    report = prove(SIZES["full"], seed, print)
    report.sections.append(over_http(seed, print))
    return finish(report, OUT, print) == 0


def over_http(seed: int, say: Say) -> Section:
    """Try every route of a running engine."""
    say("an engine, tried over HTTP")
    home = Path(tempfile.mkdtemp(prefix="outbound-prove-"))
    home.chmod(0o755)
    engine = Engine.start(home / "engine")
    try:
        with timed(Section("Over HTTP")) as section:
            _, counts, section.failures, section.not_run = http.run(engine, seed, say)
    finally:
        engine.stop()
        shutil.rmtree(home, ignore_errors=True)
    section.counts.update(counts)
    section.counts["leaks"] += len(section.failures)
    return section


def prove(size: Size, seed: int, say: Say) -> Report:
    """Run everything in a cluster of its own."""
    with ground() as made:
        stale = Stale(made.place(SEEDED).tickets, made.cast().own.subjects)
        sections = [
            *as_shipped(made, stale, size, say),
            *every_grant_given(made, size, say),
            pool(made, size, seed, say),
        ]
        sections.append(damaged(made, size, seed, say))
        return Report(sections, seed, made.admin.info.parameter_status("server_version") or "")


def as_shipped(made: Ground, stale: Stale, size: Size, say: Say) -> list[Section]:
    """Lint and probe the schema as it is installed."""
    say("the schema as it is")
    with made.copy() as database, made.as_superuser(database) as conn:
        catalog = read_catalog(conn)
        rows = sample_rows(conn, catalog, made.cast())
        sections = [lint_section(conn, catalog), seeded(rows)]
        spread(conn, catalog, rows)
        sections += inside_sections(conn, made.place(database), made.cast(), catalog, rows)
        with arena(made.place(database), made.cast()) as tried:
            return [*sections, *probe_sections(tried, catalog, rows, say, wide=False, stale=stale, few=size.few)]


def every_grant_given(made: Ground, size: Size, say: Say) -> list[Section]:
    """Probe a copy in which every role was granted everything, so that nothing but the fences stands."""
    say("every grant given to every role")
    with made.copy() as database, made.as_superuser(database) as conn:
        widen(conn, [relation.name for relation in read_catalog(conn).tenant_relations])
        catalog = read_catalog(conn)
        rows = sample_rows(conn, catalog, made.cast())
        spread(conn, catalog, rows)
        with arena(made.place(database), made.cast()) as tried:
            return probe_sections(tried, catalog, rows, say, wide=True, stale=None, few=size.few)


def seeded(rows: Rows) -> Section:
    """A table without a row in each tenant would make every refusal look like a proof."""
    section = Section("Seeded rows")
    section.counts["rows"] = len(rows.rows)
    section.failures = [f"{text}: seed it in tests/database/tenants.py" for text in rows.missing]
    return section


def pool(made: Ground, size: Size, seed: int, say: Say) -> Section:
    """Share a small pool between tenants whose requests are cut off."""
    say("pool bleed")
    cast = made.cast()
    callers = [Caller(tier, tenant) for tier in ("org", "company", "worker") for tenant in cast.tenants]
    with made.copy() as database, timed(Section("Pool bleed")) as section:
        asyncio.run(bleed(made.place(database), callers, section, requests=size.requests, seed=seed))
    return section


def damaged(made: Ground, size: Size, seed: int, say: Say) -> Section:
    """Judge mutants of the schema: a sample here, or all of them in as many clusters as are worked in at once."""
    with timed(Section("Mutants")) as section:
        if size.mutants is not None:
            with made.as_superuser(SEEDED) as conn:
                mutants = every_mutant(read_catalog(conn))
            say(f"{size.mutants} of {len(mutants)} mutants")
            with court(made, section) as judges:
                judges.run(some(mutants, size.mutants, seed), say)
            return section
        with ProcessPoolExecutor(PARTS, get_context("spawn")) as workers:
            for part in workers.map(judge_part, range(PARTS), repeat(seed)):
                section.counts += part.counts
                section.failures += part.failures
                for relation, counts in part.per_relation.items():
                    section.per_relation[relation] = section.per_relation.get(relation, Counter()) + counts
    return section


def judge_part(part: int, seed: int) -> Section:
    """Judge every so-manieth mutant in a cluster of its own."""
    with ground() as made:
        with made.as_superuser(SEEDED) as conn:
            mutants = sorted(every_mutant(read_catalog(conn)), key=lambda mutant: mutant.name)
        chosen = random.Random(seed).sample(mutants, len(mutants))[part::PARTS]
        print(f"part {part + 1} of {PARTS}: {len(chosen)} of {len(mutants)} mutants", flush=True)
        section = Section("Mutants")
        with court(made, section) as judges:
            judges.run(chosen, print)
        return section
