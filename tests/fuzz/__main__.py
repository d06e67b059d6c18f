"""`python -m tests.fuzz --examples 100`: every phase and check, both documents and tokens, an engine of its own."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.engine import Engine
from tests.fuzz.runs import PAIRS, Ground

PHASES = "examples,coverage,fuzzing,stateful"


def main() -> None:
    """Run all four pairs; exit 1 when any of them found something."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", choices=[f"{document}-{credential}" for document, credential in PAIRS])
    given = parser.parse_args()
    options = ["--max-examples", str(given.examples), *(["--seed", str(given.seed)] if given.seed else [])]
    failed = False
    with tempfile.TemporaryDirectory(prefix="outbound-fuzz-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        engine = Engine.start(folder / "engine")
        try:
            for document, credential in PAIRS:
                if given.only in (None, f"{document}-{credential}"):
                    ground = Ground.lay(engine, folder / f"{document}-{credential}")
                    result = ground.run(document, credential, PHASES, *options)
                    print(result if result.ok else f"{result.text}\n{result}", flush=True)
                    failed = failed or not result.ok
        finally:
            engine.stop()
    sys.exit(failed)


if __name__ == "__main__":
    main()
