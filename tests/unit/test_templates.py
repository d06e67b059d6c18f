"""The language of templates: what is a variable, what is said in its place, and what is HTML."""

import html
import re
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers.markup import is_html, sent_html
from providers.models import Step
from providers.templates import (
    LONGEST_FALLBACK,
    Context,
    Variable,
    as_data,
    compiled,
    compiled_step,
    contexts_of,
    field_of,
    fields_for,
    foreign_signs,
    paragraphs,
    pieces,
    rendered,
    step_of,
    unknown_variables,
    uses,
    values_of,
)

CONTEXTS: tuple[Context, ...] = ("html", "line", "text")
WIDE, WIDE_X = "\uff5b\uff5bemail\uff5d\uff5d", "\uff5bx\uff5d"
NASTY = '{{first_name}} <b>Tom & Co</b>\n"it\'s"'


def filled(text: str, fields: Mapping[str, str]) -> str:
    """Fill a compiled text as a provider does: each name in double braces once, and nothing in what was put there."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: fields.get(found[1], found[0]), text)


# Which variables there are.


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "{{first_name}} {{last_name}} {{email}} {{company_name}} {{unsubscribe_link}}",
        "{{ first_name }}",
        "{{\tfirst_name\t}}",
        "{{custom.city}} {{custom.a1_B}}",
        "{{custom." + "k" * 50 + "}}",
        "a { b } c",
        "{{first_name|there}} {{ custom.city | your <b>town</b> & more }} {{email|}}",
        "{{first_name|" + "x" * LONGEST_FALLBACK + "}}",
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
        ("{{obx_h_first_name}}", "obx_h_first_name"),
        ("{{|there}}", "|there"),
        ("{{city|there}}", "city|there"),
        ("{{RANDOM | Hi | Hello}}", "RANDOM | Hi | Hello"),
        ("{{first_name|a|b}}", "first_name|a|b"),
        ("{{first_name|{a}}}", "first_name|{a"),
        ("{{first_name|a\nb}}", "first_name|a\nb"),
        ("{{first_name|" + "x" * 201 + "}}", "first_name|" + "x" * 201),
        ("{{{first_name}}}", "{first_name"),
    ],
)
def test_each_unknown_variable_is_named(text: str, unknown: str) -> None:
    assert list(unknown_variables(f"Hi {{{{first_name}}}} {text}!")) == [unknown]


@pytest.mark.parametrize("text", ["{{first_name", "first_name}}", "{{first_name}} {{", "}}{{", "{{{{first_name}}"])
def test_braces_that_do_not_pair_are_reported(text: str) -> None:
    assert list(unknown_variables(text))


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hi {{first_name}}!", ["Hi ", Variable("first_name"), "!"]),
        ("{{ custom.a | b c }}", [Variable("custom.a", "b c")]),
        ("{{email|}}{{email | }}", [Variable("email"), Variable("email")]),
        ("{{city}} {{", ["{{city}} ", "{{"]),
        ("", []),
    ],
)
def test_a_text_is_parted_at_its_variables(text: str, found: list[str | Variable], context: Context) -> None:
    assert pieces(text, context) == found


def test_a_fallback_in_html_is_html() -> None:
    assert pieces("{{email|Tom &amp; Co}}", "html") == [Variable("email", "Tom & Co")]
    assert pieces("{{email|Tom &amp; Co}}", "text") == [Variable("email", "Tom &amp; Co")]


@pytest.mark.parametrize(
    "text",
    ["{{\nfirst_name}}", "{{first_name\n}}", "{{first_name\n\n}}", "{{first_name|\nyou}}", "{{first_name|&#125;}}",
     "{{first_name|&#10;&#124;}}", "{{first_name|" + "&amp;" * 40 + "}}", "{{first_name|<b>you</b>}}"],
)  # fmt: skip
def test_a_variable_that_is_let_through_is_filled_in_every_context(text: str) -> None:
    """Also in a mail that is written as text, whose lines become paragraphs."""
    lets_through = not list(unknown_variables(text))
    shown = [rendered(text, {"first_name": "Lea"}, context) for context in CONTEXTS]
    shown.append(re.sub("<[^>]*>", "", rendered(paragraphs(text), {"first_name": "Lea"}, "html")))
    assert not lets_through or shown == ["Lea"] * 4


# Signs of other tools' templates.

FOREIGN = (
    "{Hi|Hello}", "{Hi there|Hello, you|}", "{see}", "{ see }", "{first_name}", "{a.b}", "[[name]]", "[[ name ]]",
    "[[a|b c]]", "%first_name%", "%FIRSTNAME%", "<<name>>", "<< name >>", "${x}", "${a.b}", "{% if x %}", "{%x%}",
)  # fmt: skip
AS_WRITTEN = (
    '{ "a": 1 }', "100% sure 50%", "20%, 30% or 40%", "[[a b]]", "f(x) { return 1; }", "{}", "{ }", "[]", "[name]",
    "a << b", "a >> b << c", "<name>", "a | b", "$ {{first_name}}", "${{custom.price|10}}", "{{custom.share}}%",
    "{{first_name}} {{custom.city|your town}}", "{{ first_name | there }}", "https://x.example/{a|b}?c=%20d%20",
    "HTTP://x.example/[[name]]", "mailto:a@x.example?subject={see}", "",
)  # fmt: skip


@pytest.mark.parametrize("as_html", [False, True], ids=["text", "html"])
@pytest.mark.parametrize("sign", FOREIGN)
def test_a_sign_of_another_tool_is_found_where_it_stands(sign: str, as_html: bool) -> None:
    for before, behind in (("", ""), ("Dear {{first_name}}, ", "!"), ("\n", "\n"), ("é{{email}}", "{{email}}")):
        assert list(foreign_signs(f"{before}{sign}{behind}", is_html=as_html)) == [(len(before), sign)]


@pytest.mark.parametrize("as_html", [False, True], ids=["text", "html"])
@pytest.mark.parametrize("text", AS_WRITTEN)
def test_what_only_looks_like_a_sign_is_as_written(text: str, as_html: bool) -> None:
    assert list(foreign_signs(f"Hi, {text} and so on", is_html=as_html)) == []


def test_every_sign_is_found_in_order() -> None:
    text = " ".join(FOREIGN)
    shown = list(foreign_signs(text, is_html=False))
    assert [sign for _, sign in shown] == list(FOREIGN)
    assert all(text[place:].startswith(sign) for place, sign in shown)


@pytest.mark.parametrize(
    "markup",
    [
        "<style>p {color} .a{x|y} %b%</style>",
        "<STYLE type='text/css'>\n.a {b}\n</style >",
        "<p style='{color}' title=\"[[name]]\">",
        "<a href='{see}'>",
        "<a href='https://x.example/?a=%b%&c={d|e}'>",
        "<img alt='%first_name%'/>",
        "</p {x}>",
    ],
)
def test_styles_tags_and_links_are_passed_over_in_html(markup: str) -> None:
    assert list(foreign_signs(markup, is_html=True)) == []
    assert list(foreign_signs(f"<p>{markup}{{see}}", is_html=True)) == [(3 + len(markup), "{see}")]


def test_in_text_what_looks_like_markup_is_text() -> None:
    assert list(foreign_signs("<b {see}>", is_html=False)) == [(3, "{see}")]
    assert list(foreign_signs("<p>&lt;&lt;name&gt;&gt;</p>", is_html=True)) == [(3, "&lt;&lt;name&gt;&gt;")]


@example(["{", "<b>", "a", "</b>", "|", "a", "}"])
@given(st.lists(st.sampled_from([*FOREIGN, "<b>", "</b>", "<style>", "</style>", "{", "}", "|", "%", " ", "a"])))
def test_a_sign_that_is_reported_stands_there(parts: list[str]) -> None:
    text = "".join(parts)
    for as_html in (False, True):
        assert all(text[place:].startswith(sign) for place, sign in foreign_signs(text, is_html=as_html))


# What a person gets.


@pytest.mark.parametrize(
    ("value", "in_html", "in_line", "in_text"),
    [
        ("Lea", "Lea", "Lea", "Lea"),
        ("Tom & Co", "Tom &amp; Co", "Tom & Co", "Tom & Co"),
        ("<b>", "&lt;b&gt;", "<b>", "<b>"),
        ("\"it's\"", "&quot;it&#x27;s&quot;", "\"it's\"", "\"it's\""),
        ("one\ntwo", "one<br>two", "one two", "one\ntwo"),
        ("one\r\n\r\n two ", "one<br><br> two ", "one two", "one\r\n\r\n two "),
        ("{x}", "&#123;x&#125;", WIDE_X, WIDE_X),
        ("{ x y", "&#123; x y", "{ x y", "{ x y"),
        ("{{email}}", "&#123;&#123;email&#125;&#125;", WIDE, WIDE),
    ],
)  # fmt: skip
def test_a_value_is_data_wherever_it_stands(value: str, in_html: str, in_line: str, in_text: str) -> None:
    for context, expected in zip(CONTEXTS, (in_html, in_line, in_text), strict=True):
        assert rendered("Dear {{first_name}}!", {"first_name": value}, context) == f"Dear {expected}!"
        assert rendered("Dear {{custom.x}}!", {"custom.x": value}, context) == f"Dear {expected}!"


@pytest.mark.parametrize("context", ["line", "text"])
@pytest.mark.parametrize("value", ["{Hi|Hello}", "{see}", "{{RANDOM|a|b}}", "{% if x %}", "${x}", "{{first_name}}"])
def test_a_value_has_no_sign_in_braces_that_a_provider_would_read(value: str, context: Context) -> None:
    shown = as_data(value, context)
    assert list(foreign_signs(shown, is_html=False)) == []
    assert shown.translate({0xFF5B: "{", 0xFF5D: "}"}) == value


@given(st.text() | st.text("{}<>&|\n\r ab'\"\u2060"))
def test_no_value_has_a_variable_or_a_tag(value: str) -> None:
    for context in CONTEXTS:
        shown = as_data(value, context)
        assert "{{" not in shown
        assert "}}" not in shown
    assert not re.search("[<>]", as_data(value, "html").replace("<br>", ""))
    assert html.unescape(as_data(value, "html").replace("<br>", "\n")) == html.unescape(
        html.escape(value.replace("\r\n", "\n"))
    )
    assert "\n" not in as_data(value, "line")


@pytest.mark.parametrize(
    ("text", "context", "expected"),
    [
        ("Hi {{first_name|you}}", "text", "Hi you"),
        ("Hi {{ first_name | you all }},", "line", "Hi you all,"),
        ("Hi {{first_name}}.", "html", "Hi ."),
        ("{{email|Tom & <b>}}", "html", "Tom &amp; &lt;b&gt;"),
        ("{{email|Tom &amp; &lt;b&gt;}}", "html", "Tom &amp; &lt;b&gt;"),
        ("{{email|Tom &amp; Co}}", "text", "Tom &amp; Co"),
        ("{{last_name|you}}", "text", "Doe"),
        ("{{custom.a|you}}", "text", "you"),
        ("<a href='https://x.example/?n={{last_name}}&amp;c={{custom.c|a&amp;b}}'>", "html",
         "<a href='https://x.example/?n=Doe&amp;c=a&amp;b'>"),
        ("no { variable } {{city}}", "text", "no { variable } {{city}}"),
    ],
)  # fmt: skip
def test_a_fallback_is_said_where_there_is_no_value(text: str, context: Context, expected: str) -> None:
    assert rendered(text, {"last_name": "Doe", "custom.a": ""}, context) == expected


def test_each_context_and_each_fallback_has_a_field_of_its_own() -> None:
    names = [
        field_of(Variable(name, spare), context)
        for name in ("first_name", "custom.first_name", "custom.First_name", "email")
        for spare in (None, "a", "b")
        for context in CONTEXTS
    ]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"obx_[A-Za-z0-9_]{1,62}|x[0-9a-f]{6}", name) for name in names)
    assert field_of(Variable("first_name"), "html") == "obx_first_name"
    assert re.fullmatch("obx_c_city_[0-9a-f]{8}", field_of(Variable("custom.city", "Rome"), "html"))


@pytest.mark.parametrize("text", ["{{email}}" * 20, "{{first_name|x}} and {{custom.a}}"])
def test_a_plain_text_is_no_longer_at_a_provider_than_it_was_written(text: str) -> None:
    assert len(compiled(text, "text").replace("{{", "{").replace("}}", "}")) <= len(text)


def test_steps_are_compiled_with_the_fields_they_use() -> None:
    steps = [
        Step(1, 0, "Hi {{first_name}}", "<p>{{first_name}} {{custom.a|x}}</p>"),
        Step(2, 1, "{{first_name}}", "<p>{{first_name}} {{custom.a|x}} {{custom.a|y}}</p>"),
        Step(3, 1, "", "{{first_name}}", "message"),
    ]
    used = uses(steps)
    assert [(variable.name, variable.fallback, context) for variable, context in used.values()] == [
        ("first_name", None, "line"), ("first_name", None, "html"), ("custom.a", "x", "html"),
        ("custom.a", "y", "html"), ("first_name", None, "text"),
    ]  # fmt: skip
    short = {context: field_of(Variable("first_name"), context) for context in CONTEXTS}
    assert compiled_step(steps[0]).subject == f"Hi {{{{{short['line']}}}}}"
    assert compiled_step(steps[2]) == Step(3, 1, "", f"{{{{{short['text']}}}}}", "message")
    assert all(f"{{{{{name}}}}}" in str([vars(compiled_step(step)) for step in steps]) for name in used)


def test_a_person_is_sent_with_what_is_used_first_and_then_all_that_is_known() -> None:
    used = uses([Step(1, 0, "{{custom.b|you}}", "{{last_name}} {{custom.c|x}}")])
    fields = fields_for({"first_name": "Lea", "custom.a": NASTY, "last_name": "Doe"}, used, "html")
    assert list(fields)[:5] == [*used, "obx_first_name", "obx_c_a"]
    lines = ["Lea", as_data(NASTY, "line"), "Doe"]
    assert list(fields.values()) == ["you", "Doe", "x", "Lea", as_data(NASTY, "html"), *lines]
    assert fields_for({}, uses([Step(1, 0, "", "{{email}}")]), "html") == {"obx_email": ""}


def test_what_is_known_of_a_person_has_the_names_of_variables() -> None:
    lead = {"id": 5, "first_name": "Lea", "last_name": None, "email": "", "company_name": "Acme",
            "custom": {"a": 0, "b": "", "c": None, "d": "x"}}  # fmt: skip
    assert values_of(lead, "https://x.example/u") == {
        "first_name": "Lea", "company_name": "Acme", "custom.a": "0", "custom.d": "x",
        "unsubscribe_link": "https://x.example/u",
    }  # fmt: skip
    assert values_of({"custom": None}) == {}


names = st.sampled_from(
    ["first_name", "last_name", "email", "company_name", "unsubscribe_link", "custom.a", "custom.Bc_1"]
)
words = st.text() | st.text("{}<>&|;#\n ab") | st.sampled_from([NASTY, "{{custom.a}}", "{{obx_email}}", "\\1 \\g<0>"])
spare = st.sampled_from(["", "|", "|you", "| Tom & Co ", "|Tom &amp; Co", "|<b>", "|\\1", '| a\'s "b"'])
variables = st.builds("{{{{{}{}}}}}".format, names | names.map(" {} ".format), spare)
parts = (
    variables | st.sampled_from(["{", "}", "{{", "}}", "{{city}}", "<p>", "&amp;", "\n", " ", "|"]) | st.text("ab<&")
)


@given(st.lists(parts, max_size=8).map("".join), st.dictionaries(names, words), st.sampled_from(CONTEXTS))
def test_what_is_rendered_is_what_a_provider_makes_of_it(text: str, person: dict[str, str], context: Context) -> None:
    """A template and its fields, put together by any tool that knows names in double braces, say what is shown."""
    step = (
        Step(1, 0, text, "") if context == "line" else Step(1, 0, "", text, "email" if context == "html" else "message")
    )
    _, body = contexts_of(step.type)
    shown = filled(compiled(text, context), fields_for(person, uses([step]), body))
    assert shown == rendered(text, person, context)
    if not list(unknown_variables(text)):
        assert not re.search(r"\{\{|\}\}", shown)


# Plain text and HTML.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi,\none\r\ntwo\n\n \n three", "<p>Hi,<br>one<br>two</p><p>three</p>"),
        ("\n\n one \n\n\n\n two\t\n \t\nthree\n", "<p>one </p><p>two\t</p><p>three</p>"),
        ('1 < 2 & "three"', '<p>1 &lt; 2 &amp; "three"</p>'),
        ("<p>Hi</p> &amp;", "<p>&lt;p&gt;Hi&lt;/p&gt; &amp;amp;</p>"),
        ("one", "<p>one</p>"),
    ],
)
def test_plain_text_becomes_paragraphs_and_line_breaks(text: str, expected: str) -> None:
    assert paragraphs(text) == expected


@given(variables, st.dictionaries(names, words))
def test_variables_in_paragraphs_say_what_they_say_in_text(text: str, person: dict[str, str]) -> None:
    """Of a fallback in plain text nothing is HTML, though its mail becomes HTML."""
    (variable,) = pieces(text, "text")
    assert pieces(paragraphs(f"Hi {text}"), "html") == ["<p>Hi ", variable, "</p>"]


def test_a_mail_of_text_is_sent_as_paragraphs_and_nothing_else_is() -> None:
    body = "1 < 2\n\n{{first_name}}"
    row = {"position": 2, "delay_days": 3, "subject": "1 < 2", "body": body, "type": "email"}
    wrapped = "<p>1 &lt; 2</p><p>{{first_name}}</p>"
    assert step_of({**row, "format": "text"}) == Step(2, 3, "1 < 2", wrapped)
    assert step_of({**row, "format": "html"}) == Step(2, 3, "1 < 2", body)
    assert step_of({**row, "format": "text", "type": "message"}) == Step(2, 3, "1 < 2", body, "message")


@pytest.mark.parametrize(
    "body",
    ["<p>Hi</p>", "Hi<br>", "Hi<br/>you", "a <b>c</b>", "<!-- note -->", "x </div>", "<DIV\n>", "<A HREF='x'>y",
     "<script>x</script>", "<html>", "<style>a{}</style>", "<img src='{{custom.image}}'>", "<h1 class=a>b"],
)  # fmt: skip
def test_elements_that_mails_have_are_html(body: str) -> None:
    assert is_html(body)


@pytest.mark.parametrize(
    "body",
    ["", "Hi", "<lea@plain.example>", "Lea <b@x.example> and <p.a@x.example>", "a <3 b", "x<y", "a < b > c", "<name>",
     "<https://x.example>", "{{first_name}} < {{custom.city}} >", "&amp;", "<p", "<>", "</>", "<first name>"],
)  # fmt: skip
def test_other_angle_brackets_are_text(body: str) -> None:
    assert not is_html(body)


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ("<script>alert(1)</script><p>Hi</p>", "<p>Hi</p>"),
        ("<p onclick='x()'>Hi</p>", "<p>Hi</p>"),
        ("<img src=x onerror=alert(1)>", '<img src="x">'),
        ("<a href='javascript:alert(1)'>x</a>", "<a>x</a>"),
        ("<a href='data:text/html,x'>x</a>", "<a>x</a>"),
        ("<iframe src='https://x.example'>a</iframe><object>b</object><form><input>c</form>", "c"),
        ("<link rel=stylesheet href=x><meta http-equiv=refresh><base href=x>a", "a"),
        ("<title>T</title><body bgcolor=red><p>a</p></body>", "<p>a</p>"),
        ("a<!-- note -->b", "ab"),
        ("<p>1 < 2 & 3</p>", "<p>1 &lt; 2 &amp; 3</p>"),
    ],
)
def test_a_mail_has_nothing_that_runs_or_loads(body: str, sent: str) -> None:
    assert sent_html(body) == sent


@pytest.mark.parametrize(
    "body",
    [
        '<a href="{{custom.url}}">x</a>',
        '<a href="{{ unsubscribe_link }}" target="_blank">x</a>',
        '<a href="https://x.example/{{custom.id|none}}?a={{first_name}}&amp;b=2">x</a>',
        '<a href="mailto:{{email}}">x</a>',
        '<a href="tel:{{custom.phone|+49 1}}">x</a>',
        '<img src="{{custom.image}}" alt="{{custom.text|a &amp; b}}">',
        "<p>{{first_name|Tom &amp; Co}} {{custom.a}}</p>",
        "<style>p > a { color: red } @media (max-width: 9px) { .b { margin: 0 } }</style><p>x</p>",
        '<p style="color: red; margin: 0">x</p>',
        '<table width="600" bgcolor="#fff"><tbody><tr><td colspan="2" align="left">x</td></tr></tbody></table>',
        '<font face="Arial" size="2" color="red">x</font>',
    ],
)  # fmt: skip
def test_variables_styles_and_forms_of_mails_are_kept(body: str) -> None:
    assert sent_html(body) == body
    assert [piece for piece in pieces(sent_html(body), "html") if isinstance(piece, Variable)] == [
        piece for piece in pieces(body, "html") if isinstance(piece, Variable)
    ]


@given(st.text() | st.lists(parts | st.sampled_from(["<", ">", "<a href='", "<style>", "<!--"])).map("".join))
def test_any_text_can_be_judged_and_made_html(text: str) -> None:
    once = sent_html(text)
    assert sent_html(once) == once
    assert is_html(paragraphs(text))
    assert is_html(text) in (True, False)
    assert all("{{" not in name for name in unknown_variables(text) if name != "{{")
