"""`python -m tests.prove.providers [--only name]`: damage the provider code, and see whether its tests notice."""

import argparse
import sys

from tests.prove.providers.run import run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.prove.providers")
    parser.add_argument("--only", action="append", default=[], help="a mutant's name, or a part of it; may be repeated")
    parser.add_argument("--workers", type=int, default=0)
    given = parser.parse_args()
    sys.exit(not run(given.only, given.workers))
