"""The proof of isolation in its small size, as every change runs it; `make prove SIZE=full ONLY=isolation` runs all."""

import secrets
from pathlib import Path

from tests.prove.isolation.proof import SIZES, prove


def test_no_tenant_sees_another_and_the_proof_would_notice(tmp_path: Path) -> None:
    seed = secrets.randbelow(1_000_000) + 1
    report = prove(SIZES["small"], seed, lambda line: None)
    report.write(tmp_path)
    failures = [f"{section.name}: {text}" for section in report.sections for text in section.failures]
    print(f"seed {seed}: {report.last_line()}")
    assert failures == []
    assert report.total("probes") >= 4000
    assert report.total("positives") >= 400
    assert report.total("mutants") == SIZES["small"].mutants
    assert (tmp_path / "isolation.md").exists()
