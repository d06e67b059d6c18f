"""Mails as people read them: words out of HTML and back, and whether two bodies say the same."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from providers.texts import as_html, plain, same_words

FUZZ = settings(max_examples=150, deadline=None)
PARTS = st.sampled_from(
    ["<", ">", "</", "<!", "<![", "]]>", "<!--", "-->", "<?", "&", "&#", ";", "p", "br", "/", '"', "=", "'", " ", "\n",
     "<p>", "</p>", "<br>", "<div>", "</div>", "<blockquote>", "</blockquote>", "<style>", "<script>", "</script>",
     '<div class="gmail_quote">', "&amp;", "&lt;", "&#xD800;", "&#99999999999;", "CDATA[", "doctype", "…", "Yes", "\0",
     "\ud800", "é", "<![if !supportLists]>", "<o:p>", "<title>"]
)  # fmt: skip
SOUP = st.lists(PARTS | st.text(max_size=5), max_size=20).map("".join)
WRITTEN = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n"), max_size=80)

BODIES = {
    "": "",
    "Yes, gladly": "Yes, gladly",
    " Tom &amp; Jerry ": "Tom & Jerry",
    "<p>Yes</p><p>No</p>": "Yes\n\nNo",
    "Yes<br>No<br/>Perhaps": "Yes\nNo\nPerhaps",
    "<div>Yes</div>": "Yes",
    "<html><head><title>Re: Hello</title><style>p {}</style></head><body>Yes</body></html>": "Yes",
    "<p>Yes<script>alert(1)</script></p>": "Yes",
    "Yes<blockquote>Hi <blockquote>Ho</blockquote> there</blockquote>": "Yes",
    '<div dir="auto">Yes</div><br><div class="gmail_quote">On Monday <div>Hi</div> wrote</div>': "Yes",
    'Yes<div class="moz-cite-prefix">On Monday</div><blockquote type="cite">Hi</blockquote>': "Yes",
    'Yes<div id="x" class="a yahoo_quoted b">Hi</div> and no': "Yes and no",
    "<p>1 &lt; 2 &amp; 3 &gt; 2</p>": "1 < 2 & 3 > 2",
    "<![if !supportLists]>1.<![endif]> One<br>": "1. One",
    "Yes <![unknown[x]]><b>really</b>": "Yes really",
    "Write to <ana@client.example> or see <https://client.example/a>": (
        "Write to <ana@client.example> or see <https://client.example/a>"
    ),
    "I <3 it, and 2 < 3": "I <3 it, and 2 < 3",
}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_is_read_as_its_words(body: str) -> None:
    assert plain(body) == BODIES[body]


def test_text_becomes_html_that_shows_it_as_it_is() -> None:
    text = 'Yes & "no" <b>1</b>\r\nline\n'
    assert as_html(text) == '<p>Yes &amp; "no" &lt;b&gt;1&lt;/b&gt;<br>line<br></p>'
    assert plain(as_html(text)) == 'Yes & "no" <b>1</b>\nline'


@FUZZ
@given(SOUP | st.text(max_size=80))
@example("<![foo[x]]>")
@example("<![\n")
@example("<!DOCTYPE [<!ELEMENT x")
def test_no_body_does_harm(body: str) -> None:
    assert isinstance(plain(body), str)
    assert isinstance(plain(as_html(body)), str)
    assert same_words(body, as_html(body)) in (True, False)


@FUZZ
@given(WRITTEN)
def test_what_was_written_is_read_again(text: str) -> None:
    assert plain(as_html(text)).split() == text.split()
    assert same_words(as_html(text), text) is bool(text.split())
    assert same_words(text, text) is bool(text.split())


@FUZZ
@given(WRITTEN, st.text("abc \n", max_size=20))
def test_what_follows_does_not_matter_and_what_comes_before_does(text: str, more: str) -> None:
    assert same_words(f"{as_html(text)}<br>{more}", text) is bool(text.split())
    assert same_words(as_html(f"{text} {more}"), text) is bool(text.split())
    if text.split():
        assert not same_words(as_html(f"zebra {text}"), f"{text} lion")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("<p>Yes, gladly</p>", "Yes,\ngladly", True),
        ("<p>Yes, gladly</p><p>-- <br>Jo</p>", "Yes, gladly", True),
        ("<div>Yes,<br>gladly</div>", "Yes, gladly", True),
        ("<p>Yes</p>", "Yes, gladly", False),
        ("<p>Yes, gladly</p>", "", False),
        ("", "", False),
        ("", "Yes", False),
        ("<p>Yes, gladly</p>", "gladly", False),
        ("<p>Yessir</p>", "Yes", False),
        ("<p>See https://x.example/?a=1&amp;copy=2</p>", "See https://x.example/?a=1&copy=2", True),
        ("<p>&lt;b&gt; is bold &amp;amp; so on</p>", "<b> is bold &amp; so on", True),
        ("See https://x.example/?a=1&copy=2", "See https://x.example/?a=1&copy=2", True),
    ],
)
def test_two_bodies_say_the_same_in_any_form(one: str, other: str, same: bool) -> None:
    assert same_words(one, other) is same


@pytest.mark.parametrize(
    ("shown", "written", "same"),
    [
        ("<p>We use …, too</p>", "We use Bigmailer, too", True),
        ("We use … too", "We use Bigmailer ai too", True),
        ("We use https://…/a/…b", "We use https://bigmailer.example/a/bigmailer.b", True),
        ("We use …", "We use Bigmailer and more", False),
        ("We use …, too", "We use nothing too", False),
        ("…", "Bigmailer", True),
        ("…", "Mail", False),
        ("Wait…", "Wait…", True),
        ("Wait…", "Wait", False),
        ("Wait… there", "Wait… there is more", False),
        ("a…b…c", "abc", False),
        ("a…b…c", "a12345678b12345678c", True),
        ("a…b…c", "a12345678b1234567c", False),
        ("a…a", "a", False),
    ],
)
def test_a_name_that_was_cut_out_may_have_been_anything(shown: str, written: str, same: bool) -> None:
    assert same_words(shown, written) is same
