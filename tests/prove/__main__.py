"""`make prove SIZE=small|full [SEED=…] [ONLY=…]`: run the proofs and say what their zeros stand for."""

import argparse
import secrets
import sys

from tests.prove import ingest, neighbour, once, pace
from tests.prove.isolation import proof
from tests.prove.providers import run as providers

PROOFS = {"once": once.main, "ingest": ingest.main, "pace": pace.main, "isolation": proof.main}
DEEPER = {"providers": providers.main, "neighbour": neighbour.main}  # only where it is named


def main() -> None:
    """Run the proofs that were named; exit 1 when something was not proven."""
    parser = argparse.ArgumentParser(prog="make prove")
    parser.add_argument("--size", choices=("small", "full"), default="small")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=sorted(PROOFS | DEEPER))
    given = parser.parse_args()
    seed = given.seed or secrets.randbelow(1_000_000) + 1
    names = [given.only] if given.only else list(PROOFS)
    failed = [name for name in names if not (PROOFS | DEEPER)[name](given.size, seed)]
    print(f"NOT PROVEN: {', '.join(failed)} (replay with SEED={seed})" if failed else f"proven: {', '.join(names)}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
