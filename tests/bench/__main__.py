"""`make bench`: load a million people, ask every server in turn, and write down what was found; never a gate."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import dashboards, data, fence, growth, plans, reads, writes
from tests.bench.ground import CONNECTIONS, Ground, ground, temporary_folder, time_starts
from tests.bench.report import Report, machine

LATEST = Path(__file__).with_name("results") / "latest.json"
ROUNDS = 5
WHOLE = 300.0  # seconds
WRITES = 35.0


def say(line: str) -> None:
    """Show progress."""
    print(line, flush=True)


def main() -> None:
    """Run everything once."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="per server, read and round")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--only", choices=["growth", "dashboards"], help="what grows with tenants and rows, or with figures"
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="people")
    parser.add_argument("--out", type=Path, default=LATEST)
    given = parser.parse_args()
    started = time.monotonic()
    report = Report()
    say(f"on {machine()}; {CONNECTIONS} connections to every server, {CONNECTIONS} from each of them to Postgres")
    with temporary_folder() as folder:
        if given.only is not None:
            time_starts(folder / "home")
            with ground(folder, say) as made:
                (growth if given.only == "growth" else dashboards).measure(made, report)
            say(f"\n{report.table()}\n\n{time.monotonic() - started:.0f} s in all")
            return
        say("starting `outbound dev` cold and warm")
        seconds, memory = time_starts(folder / "home")
        for name, value in seconds.items():
            report.add(f"`outbound dev`, {name} start, seconds", value)
        for name, value in memory.items():
            report.add(f"memory of the {name} when idle, MiB", value)
        with ground(folder, say) as made:
            _measure(made, report, given, started)
    report.write(given.out)
    say(f"\n{report.table()}\n\n{time.monotonic() - started:.0f} s in all; written to {given.out}")


def _measure(made: Ground, report: Report, given: argparse.Namespace, started: float) -> None:
    say(f"loading {given.rows:,} people")
    counts = data.load_rows(made, given.rows, given.rows)
    say("  " + ", ".join(f"{name} {value}" for name, value in counts.items()))
    probes = data.make_probes(made)
    say("planning every statement on the big tables")
    part(report, lambda: plans.check(made, probes[0], report))
    say("what fence and signature cost")
    part(report, lambda: fence.measure(made, report, rounds=ROUNDS, seconds=1))
    say("reads over HTTP")
    report.note("pgbench's clients keep one tenant each, with absent filters as literals; the others change tenants")
    servers = reads.start(made, probes, report)
    for name, sizes in reads.body_sizes(servers).items():
        say(f"  bytes of one answer, {name}: " + ", ".join(map(str, sizes)))
    left = WHOLE - WRITES - (time.monotonic() - started)
    seconds = max(0.4, min(given.seconds, left / (given.rounds * len(reads.READS) * (len(servers) + 1)) - 0.25))
    if seconds < given.seconds:
        report.note(f"the machine is slow: {seconds:.1f} s per measurement instead of {given.seconds}")
    reads.compare(made, servers, report, rounds=given.rounds, seconds=seconds)
    say("processor time of reads")
    part(report, lambda: reads.processor(made, servers, report, rounds=given.rounds, seconds=2.0))
    report.add("memory of the API after the reads, MiB", made.resident_mebibytes("api"))
    for name in ("postgrest", "obvious"):
        made.end(name)
    say("writes")
    port = servers[0].port
    part(report, lambda: writes.bulk(made, probes, port, report, rounds=3))
    part(report, lambda: writes.push(made, port, report))
    part(report, lambda: writes.webhooks(made, probes[40], port, report, rounds=3, seconds=1.0))


def part(report: Report, measure: Callable[[], object]) -> None:
    """Measure one part; what fails is said and costs only itself."""
    try:
        measure()
    except Exception as error:  # a report is worth more with a hole than not at all
        report.note(f"not measured: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
