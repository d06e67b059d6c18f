"""What reads outside text is linear in it: no input can stop a process."""

import time
from collections.abc import Callable

import pytest

from api.campaigns.variables import as_html, unknown_variables
from providers.texts import plain

PARTS = (
    "{", "{{", "}}", "{{a}}", "<", "<a ", "<a b='", '<p><a b="', "<!--", "<!--x>", "--><!--", "<![CDATA[", "<![x>",
    "<!x>", "<?", "<?x>", "</", "</a", "</a b='>", "<script>", "<style>x", "<title>", "<blockquote>", "&", "&#", "&#x",
    "&amp", "'", '"', ",", "\n", "\r\n", "\n ", " ", "%", "#", "(", "@", "e\u0301", "\u0301", "]]>",
)  # fmt: skip
ENOUGH = 0.02  # seconds of CPU: below this a ratio is noise


def judged(text: str) -> None:
    """Do what a sequence's text goes through."""
    list(unknown_variables(text))
    as_html(text)


def cpu(work: Callable[[str], object], text: str) -> float:
    """Return the CPU seconds of the quickest of three runs."""
    spent: list[float] = []
    for _ in range(3):
        began = time.process_time()
        work(text)
        spent.append(time.process_time() - began)
    return min(spent)


@pytest.mark.parametrize("end", ["", ">", "</p>"], ids=["open", "closed", "tagged"])
@pytest.mark.parametrize("part", PARTS, ids=ascii)
@pytest.mark.parametrize("work", [judged, plain], ids=["sequence", "mail"])
def test_twice_the_text_costs_at_most_about_twice_as_much(work: Callable[[str], object], part: str, end: str) -> None:
    once, twice = (cpu(work, "<p>" + part * (size // len(part)) + end) for size in (48_000, 96_000))
    assert twice < ENOUGH or twice / max(once, ENOUGH / 4) < 3.5


@pytest.mark.parametrize("text", ["a}}b", "{{a", "{{{{", "{{first_name}} }}", "}}{{"])
def test_half_of_a_pair_is_told(text: str) -> None:
    assert "{{" in list(unknown_variables(text))


def test_words_around_comments_are_kept() -> None:
    assert plain("<p>one <!-- two > three --> four</p><![if mso]>five") == "one  four\nfive"
    assert plain("<p>one <!-- two three") == "one"
