"""The variables of a message, and plain text made HTML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.campaigns.variables import as_html, unknown_variables


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "{{first_name}} {{last_name}} {{email}} {{company_name}}",
        "{{ first_name }}",
        "{{custom.city}} {{custom.a1_B}}",
        "a { b } c",
        "{{custom." + "k" * 50 + "}}",
    ],
)
def test_known_variables_pass(text: str) -> None:
    assert list(unknown_variables(text)) == []


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("{{firstname}}", "firstname"),
        ("{{First_Name}}", "First_Name"),
        ("{{custom.}}", "custom."),
        ("{{custom.1a}}", "custom.1a"),
        ("{{custom.a-b}}", "custom.a-b"),
        ("{{custom.a.b}}", "custom.a.b"),
        ("{{custom." + "k" * 51 + "}}", "custom." + "k" * 51),
        ("{{}}", ""),
        ("{{city}}", "city"),
        ("{{unsubscribe_link}}", "unsubscribe_link"),
    ],
)
def test_each_unknown_variable_is_named(text: str, unknown: str) -> None:
    assert list(unknown_variables(f"Hi {{{{first_name}}}} {text}!")) == [unknown]


@pytest.mark.parametrize("text", ["{{first_name", "first_name}}", "{{first_name}} {{", "}}{{", "{{{{first_name}}"])
def test_braces_that_do_not_pair_are_reported(text: str) -> None:
    assert list(unknown_variables(text))


@pytest.mark.parametrize("name", ["first_name", "custom.city"])
def test_a_variable_that_the_provider_could_not_read_is_unknown(name: str) -> None:
    """Whatever we let through is rewritten for a provider later: a line break inside the braces fools neither."""
    from providers.smartlead.mapping import variables  # noqa: PLC0415

    text = "{{\n" + name + " }}"
    if not list(unknown_variables(text)):
        assert variables(text) == "{{" + name.replace("custom.", "custom_") + "}}"


def test_plain_text_becomes_paragraphs_and_line_breaks() -> None:
    assert as_html("Hi,\none\r\ntwo\n\n \n three") == "<p>Hi,<br>one<br>two</p><p> three</p>"


def test_plain_text_is_escaped() -> None:
    assert as_html('1 < 2 & "three"') == '<p>1 &lt; 2 &amp; "three"</p>'


@pytest.mark.parametrize("body", ["<p>Hi</p>", "Hi<br>", "a <b>c</b>", "<!-- note -->", "x </div>"])
def test_html_stays_as_it_is(body: str) -> None:
    assert as_html(body) == body


@pytest.mark.parametrize("body", ["a <3 b", "x<y", "{{first_name}} < {{custom.city}}"])
def test_variables_survive(body: str) -> None:
    assert as_html(body).count("{{") == body.count("{{")


@given(st.text())
def test_any_text_can_be_judged_and_made_html(text: str) -> None:
    list(unknown_variables(text))
    assert isinstance(as_html(text), str)
