"""Every mutant of the code that talks to providers. Tests that do not notice one of them leave a hole."""

from tests.prove.providers.mutant import Mutant
from tests.prove.providers.of_heyreach import OF_HEYREACH
from tests.prove.providers.of_heyreach_people import OF_HEYREACH_PEOPLE
from tests.prove.providers.of_http import OF_HTTP
from tests.prove.providers.of_instantly import OF_INSTANTLY
from tests.prove.providers.of_instantly_people import OF_INSTANTLY_PEOPLE
from tests.prove.providers.of_smartlead import OF_SMARTLEAD

MUTANTS: list[Mutant] = [
    *OF_HTTP, *OF_SMARTLEAD, *OF_INSTANTLY, *OF_INSTANTLY_PEOPLE, *OF_HEYREACH, *OF_HEYREACH_PEOPLE,
]  # fmt: skip
