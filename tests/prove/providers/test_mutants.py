"""The mutants of the provider code do not rot: each still finds its place, and still makes a file that can be read."""

import ast
from pathlib import Path

from tests.prove.providers.mutant import Mutant
from tests.prove.providers.mutants import MUTANTS

ROOT = Path(__file__).parents[3]
FEWEST = 200


def meaning(text: str) -> str:
    return ast.dump(ast.parse(text))


def test_each_mutant_finds_its_place_once_and_makes_a_difference() -> None:
    texts = {mutant.file: (ROOT / mutant.file).read_text(encoding="utf-8") for mutant in MUTANTS}
    assert [mutant.name for mutant in MUTANTS if texts[mutant.file].count(mutant.old) != 1] == []
    before = {file: meaning(text) for file, text in texts.items()}
    same = [mutant for mutant in MUTANTS if meaning(mutant.damage(texts[mutant.file])) == before[mutant.file]]
    assert [mutant.name for mutant in same] == []


def test_there_are_enough_and_each_has_a_name_and_a_reason() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= FEWEST
    assert {mutant.vendor for mutant in MUTANTS} == {None, "smartlead", "instantly", "heyreach"}
    assert all(mutant.why for mutant in MUTANTS)


def test_damage_that_finds_no_place_or_two_is_not_done() -> None:
    mutant = Mutant("some", "providers/http.py", "a", "b", "")
    assert mutant.damage("xay") == "xby"
    for text in ("xy", "aa"):
        try:
            mutant.damage(text)
        except AssertionError as error:
            assert "some: providers/http.py" in str(error)
        else:
            raise AssertionError(text)
