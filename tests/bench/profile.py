"""`python -m tests.bench.profile`: where the time of one API process goes while it answers a read under load."""

import argparse
import cProfile
import io
import pstats
import signal
import sys
from pathlib import Path
from types import FrameType

from tests.bench import data, load, reads
from tests.bench.__main__ import say
from tests.bench.ground import Ground, ground, temporary_folder, time_starts

SHOWN = 45


def serve_profiled(out: Path) -> None:
    """Serve as `outbound serve` does, under cProfile; the profile is written at the end."""
    from api import cli  # noqa: PLC0415  # only the served process has the settings

    profiler = cProfile.Profile()

    def begin(_number: int, _frame: FrameType | None) -> None:
        profiler.enable()

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again once it has shut down
    try:
        cli.serve()
    finally:
        profiler.disable()
        profiler.dump_stats(out)


def measure(made: Ground, read: str, seconds: float, order: str) -> str:
    """Load one read with and without the profiler; return the costs of the profiled run, per request."""
    probes = data.make_probes(made)
    asks = reads.own_asks()
    plain = reads.Server("api", made.serve("api", reads.API, made.environment(), ready="/readyz"), asks)
    plain.prepare(probes)
    load.run(plain.port, plain.requests[read], 1)
    result = load.run(plain.port, plain.requests[read], seconds)
    cpu = made.cpu_seconds("api")
    load.run(plain.port, plain.requests[read], seconds)
    used = (made.cpu_seconds("api") - cpu) / seconds
    made.end("api")
    out = made.folder / "api.prof"
    command = [sys.executable, "-m", "tests.bench.profile", "--serve", str(out)]
    port = made.serve("profiled", command, made.environment(), ready="/readyz")
    load.run(port, plain.requests[read], 1)
    made.processes["profiled"].send_signal(signal.SIGUSR1)
    profiled = load.run(port, plain.requests[read], seconds)
    made.end("profiled")
    text = io.StringIO()
    stats = pstats.Stats(str(out), stream=text)
    stats.sort_stats(order).print_stats(SHOWN)
    head = f"{read}: {result.per_second:.0f} a second, {used:.0%} of a core; profiled {profiled.per_second:.0f}"
    return f"{head}, {profiled.answered} requests\n{text.getvalue()}"


def main() -> None:
    """Load a small database, profile one read, and print what it costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--read", choices=reads.READS, default=reads.READS[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--order", choices=("tottime", "cumulative"), default="tottime")
    parser.add_argument("--serve", type=Path)
    given = parser.parse_args()
    if given.serve:
        serve_profiled(given.serve)
        return
    with temporary_folder() as folder:
        time_starts(folder / "home")
        with ground(folder, say) as made:
            data.load_rows(made, given.rows, given.rows)
            say(measure(made, given.read, given.seconds, given.order))


if __name__ == "__main__":
    main()
