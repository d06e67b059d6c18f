"""The proofs in their small size, as every change runs them; `make prove SIZE=full` runs them long."""

import secrets

from tests.prove import ingest, neighbour, once, pace


def test_a_person_is_handed_over_once_while_processes_are_killed_and_answers_lost() -> None:
    seed = secrets.randbelow(1_000_000) + 1
    verdict = once.prove(once.SIZES["small"], seed)
    print(f"seed {seed}: {verdict.text()}")
    assert verdict.proven, verdict.text()
    assert sum(verdict.kills.values()) >= 8
    assert verdict.calls >= 200
    assert verdict.lost_answers > 0


def test_the_proof_bites_a_worker_that_does_not_ask() -> None:
    assert once.control(secrets.randbelow(1_000_000) + 1).asks_after > 0


def test_an_acknowledged_webhook_is_never_lost_and_takes_effect_once() -> None:
    seed = secrets.randbelow(1_000_000) + 1
    acknowledged, lost, doubled, kills = ingest.prove(ingest.SIZES["small"], seed)
    print(f"seed {seed}: {acknowledged} acknowledged, kills {kills}, lost {lost}, doubled {doubled}")
    assert acknowledged == ingest.SIZES["small"].webhooks
    assert lost == doubled == 0


def test_four_workers_never_use_more_than_an_accounts_budget() -> None:
    """How much of it they use depends on the machine: `make prove ONLY=pace` measures that."""
    measured = pace.prove(pace.SECONDS["small"])
    print(measured.text())
    assert measured.refused == 0 and measured.requests > 0, measured.text()


def test_a_noisy_neighbour_keeps_no_other_out() -> None:
    """How much slower others are depends on the machine: `make prove ONLY=neighbour` measures that."""
    measured = neighbour.prove(neighbour.SIZES["small"])
    print(measured.text())
    assert measured.is_bounded, measured.text()
