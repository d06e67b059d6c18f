"""Mails as people read them: words out of HTML and back, and whether two bodies say the same."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from providers.footers import OwnWords
from providers.texts import as_html, links_in, plain, same_words, words_of

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


OURS = "Hi Lea,\nshall we talk about the offer of last week?\nJo"
CITED = "\n".join(f"> {line}" for line in OURS.split("\n"))
ANSWER = "Yes, Tuesday suits.\n\nLea"
# How mail programs announce what they quote below an answer.
ANNOUNCED = [
    "On Mon, Jan 5, 2026 at 10:00 AM Jo Doe <jo@acme.example> wrote:",
    "On Mon, Jan 5, 2026 at 10:00 AM Jo Doe\n<jo@acme.example>\nwrote:",
    "Am Mo., 5. Jan. 2026 um 10:00 Uhr schrieb Jo Doe <jo@acme.example>:",
    "Am 05.01.26 um 10:00 schrieb Jo Doe:",
    "Le lun. 5 janv. 2026 à 10:00, Jo Doe <jo@acme.example> a écrit :",
    "El lun, 5 ene 2026 a las 10:00, Jo Doe (<jo@acme.example>) escribió:",
    "Il giorno lun 5 gen 2026 alle ore 10:00 Jo Doe <jo@acme.example> ha scritto:",
    "Em seg., 5 de jan. de 2026 às 10:00, Jo Doe <jo@acme.example> escreveu:",
    "Op ma 5 jan 2026 om 10:00 schreef Jo Doe <jo@acme.example>:",
    "pon., 5 sty 2026 o 10:00 Jo Doe <jo@acme.example> napisał(a):",
    "Den mån 5 jan. 2026 kl 10:00 skrev Jo Doe <jo@acme.example>:",
    "po 5. 1. 2026 v 10:00 odesílatel Jo Doe <jo@acme.example> napsal:",
    "пн, 5 янв. 2026 г. в 10:00, Jo Doe <jo@acme.example> написал:",
    "Jo Doe <jo@acme.example>, 5 Oca 2026 Pzt, 10:00 tarihinde şunu yazdı:",
    "2026年1月5日(月) 10:00 Jo Doe <jo@acme.example>:",
    "Jo Doe <jo@acme.example> 于2026年1月5日周一 10:00写道：",
    "2026년 1월 5일 (월) 오전 10:00, Jo Doe <jo@acme.example>님이 작성:",
    "2026-01-05 10:00 GMT+01:00 Jo Doe <jo@acme.example>:",
]
HEADS = [
    "-----Original Message-----\nFrom: Jo Doe <jo@acme.example>\nSent: Monday, January 5, 2026 10:00\nTo: Lea",
    "________________________________\nVon: Jo Doe\nGesendet: Montag, 5. Januar 2026 10:00\nBetreff: Ein Angebot",
    "De : Jo Doe <jo@acme.example>\nEnvoyé : lundi 5 janvier 2026 10:00\nÀ : Lea\nObjet : Une offre",
    "De: Jo Doe <jo@acme.example>\nEnviado el: lunes, 5 de enero de 2026 10:00\nPara: Lea\nAsunto: Una oferta",
    "Da: Jo Doe <jo@acme.example>\nInviato: lunedì 5 gennaio 2026 10:00\nA: Lea\nOggetto: Un'offerta",
    "*From:* Jo Doe <jo@acme.example>\n*Sent:* Monday, January 5, 2026 10:00\n*To:* Lea",
    "Van: Jo Doe\nVerzonden: maandag 5 januari 2026 10:00\nAan: Lea\nOnderwerp: Een aanbod",
    "Od: Jo Doe\nWysłano: poniedziałek, 5 stycznia 2026 10:00\nDo: Lea\nTemat: Oferta",
    "Från: Jo Doe\nSkickat: den 5 januari 2026 10:00\nTill: Lea\nÄmne: Ett erbjudande",
    "От: Jo Doe <jo@acme.example>\nОтправлено: 5 января 2026 г. 10:00\nКому: Lea",
    "差出人: Jo Doe\n送信日時: 2026年1月5日 10:00\n宛先: Lea\n件名: ご提案",
    "-------- Weitergeleitete Nachricht --------\nBetreff: Ein Angebot",
    "---------- Forwarded message ---------",
    "Begin forwarded message:",
]


@pytest.mark.parametrize("announced", ANNOUNCED)
def test_what_is_quoted_below_an_answer_is_no_part_of_it(announced: str) -> None:
    for quoted in (CITED, OURS):
        words = words_of(f"{ANSWER}\n\n{announced}\n\n{quoted}")
        assert (words.text, words.html) == (ANSWER, None)
        assert "offer of last week" in (words.quoted or "")
        mail = words_of(f"{as_html(ANSWER)}<div>{as_html(announced)}</div><br>{as_html(quoted)}")
        assert mail.text == ANSWER
        assert "offer" not in str(mail.html)
        assert "Tuesday suits" in str(mail.html)
    below = words_of(f"{announced}\n{CITED}\n\n{ANSWER}")
    assert below.text == ANSWER


@pytest.mark.parametrize("head", HEADS)
def test_the_head_of_a_quoted_mail_ends_an_answer(head: str) -> None:
    words = words_of(f"{ANSWER}\n\n{head}\n\n{OURS}")
    assert words.text == ANSWER
    assert "offer of last week" in (words.quoted or "")
    mail = words_of(f"{as_html(ANSWER)}<div>{as_html(head)}</div>{as_html(OURS)}")
    assert mail.text == ANSWER
    assert "offer" not in str(mail.html)


@pytest.mark.parametrize(
    "mail",
    [
        "Ok.\n\npon., 7 lip 2025 o 10:12 Anna Smith <anna.smith@longcompanyname.com>\nnapisał(a):\n\nQUOTE",
        "Ok.\n\n2025年7月7日(月) 10:12 Anna Smith <\nanna@x.com>:\n\nQUOTE",
        "Ok.\n\nWiadomość napisana przez Anna Smith <anna@x.com> w dniu 7 lip 2025, o godz. 10:12:\n\nQUOTE",
        "Ok.\n\n---- On Mon, 07 Jul 2025 10:12:00 +0200 Anna <anna@x.com> wrote ----\n\nQUOTE",
        "Ok.\n\n<table><tr><td>From:</td><td>Anna &lt;anna@x.com&gt;</td></tr><tr><td>To:</td><td>J</td></tr></table>Q",
        "Ok.\n-------- Przekazana wiadomość --------\nQUOTE",
        "Ok.\n\nOn Mon, Jan 5, 2026 at 10:00 Jo <jo@x.com> wrote:\u200e\n\nQUOTE",
        'Ok.\n\nGesendet: Montag, 07. Juli 2025 um 10:12 Uhr\nVon: "Anna" <anna@x.com>\nAn: lea@y.de\nQUOTE',
    ],
)
def test_other_ways_to_begin_a_quote_are_known(mail: str) -> None:
    assert words_of(mail).text == "Ok."


def test_styles_and_pictures_inside_a_mail_hide_no_words() -> None:
    style, picture = "p{a:b}" * 20_000, "A" * 150_000
    assert words_of(f"<html><head><style>{style}</style></head><body><p>Mine</p></body></html>").text == "Mine"
    assert words_of(f"<p>One</p><img src='data:image/png;base64,{picture}'><p>Two</p>").text == "One\n\nTwo"


def test_no_link_passes_by_a_backslash() -> None:
    words = words_of("<p><a href='https://open.tracker.example\\@acme.example/'>x</a></p>", {"acme.example"})
    assert words.html == '<p><a rel="noopener noreferrer">x</a></p>'


@pytest.mark.parametrize(
    "marked",
    [
        '<div class="gmail_quote">On Monday wrote:<blockquote>%s</blockquote></div>',
        '<div class="gmail_quote x"><div class="gmail_attr">On Monday:</div><blockquote>%s</blockquote></div>',
        '<blockquote type="cite"><div>On Monday, Jo wrote:</div>%s</blockquote>',
        '<div class="moz-cite-prefix">On Monday</div><blockquote type="cite">%s</blockquote>',
        '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: Jo</div><div>%s</div>',
        '<div><div id="x_divRplyFwdMsg">From: Jo</div></div><div>%s</div>',
        '<div class="protonmail_quote">On Monday<blockquote>%s</blockquote></div>',
        '<div name="messageReplySection">On Monday<blockquote>%s</blockquote></div>',
        '<div id="mail-editor-reference-message-container"><div>%s</div></div>',
    ],
)
def test_what_html_marks_as_quoted_is_no_part_of_an_answer(marked: str) -> None:
    head = "<html><head><style>p{color:red}</style></head><body>"
    said = "<div>Yes, <b>Tuesday</b> suits.<br>Lea</div>"
    words = words_of(f"{head}{said}{marked % as_html(OURS)}</body></html>")
    assert words.text == "Yes, Tuesday suits.\nLea"
    assert words.html == said
    assert "offer of last week" in (words.quoted or "")


def test_what_is_written_below_a_quote_is_the_authors() -> None:
    quoted = '<div class="gmail_quote"><div>On Monday:</div><blockquote>Hi</blockquote><div>Yes, gladly</div></div>'
    assert words_of(quoted).text == "Yes, gladly"
    assert words_of("> Shall we talk?\nYes\n> On Tuesday?\nRather not").text == "Yes\nRather not"
    indented = '<blockquote style="margin:0 0 0 40px;border:none;padding:0px">my own indentation</blockquote>'
    assert words_of(f"<p>See</p>{indented}").text == "See\n\nmy own indentation"


@pytest.mark.parametrize(
    "text",
    [
        "On Monday my colleague wrote:\nwe are fine as we are.",
        "In your mail of 5 May you wrote:\nwe are the best.\nI doubt it.",
        "From: Monday\nTo: Friday\nwe are closed.",
        "Von: 9 bis 17 Uhr bin ich da.\nViele Grüße",
        "Subject: to approval, yes.",
        "a > b, and 2 > 1",
        "Sent from my phone",
        "We work with Smartlead and Instantly.\nSent with love",
        "We have just left Instantly",
        "via Lisbon",
        "--\nLea Doe\nHead of Sales",
        "1. Yes\n2. No\n\n-----\nLea",
        "We met at 10:00:\n- price\n- date",
        "Hier, mon directeur m'a écrit à 10h30 :\nD'accord, on y va.",
        "Mi ha scritto alle 10:30 il mio capo:\nva bene, procediamo.",
        "Mi jefe escribió a las 10:30:\nadelante.",
        "Wir haben am 12.7. um 10:15 geschrieben:\nbitte um Rückruf unter 089 1",
        "My colleague wrote this yesterday (10:30):\nwe take plan B.\nSo do it.",
        "As you wrote on 7 July at 10:12:\nwe could save 20%. Is that right?",
        "Hi Anna,\n\nYou wrote at 9:30 that you have three plans:\n\nWhich one fits us?",
        "上司が10:30に書きました:\n進めてください。",
        "12/07/2025 10:00 call with tom@acme.com:\nplease book",
        "Here the travel plan:\nFrom: Berlin\nTo: Munich\nDate: 12 July\nSee you there!",
        "Von: Berlin\nAn: München\nDatum: egal\nBitte Angebot machen.",
        "De: Paris\nÀ: Lyon\nDate: 12/07\nMerci de me faire un devis.",
        "Fill in our form:\nFrom: Tom\nDate: today\nSubject: demo\nThanks, and call me.",
        "Original message:\nI never got it, please send it again.",
        "> 50 people work here, so yes.",
        "Our revenue is\n>5M so we are too big for you.",
        "Sent via Instantly? Funny, we use it too. Call me.",
        "From Instantly to you? No thanks",
        "Unsubscribe",
        "Hi\nUnsubscribe",
        "We talked.\nPowered by love",
        "Write to me at lea@client.example:\nit is quicker.",
    ],
)
def test_what_only_looks_like_a_quote_stays(text: str) -> None:
    assert words_of(text).text == text
    assert words_of(as_html(text)).text == text


@pytest.mark.parametrize(
    "footer",
    [
        "Sent with Instantly", "Powered by Smartlead.ai", "sent via HeyReach", "Gesendet mit S\u200bmartlead",
        "-- \nSent using instantly.ai", "This email was sent using Smartlead", "Wysłane przez Smartlead",
        "Verstuurd met Instantly", "Powered by Smartlead\nUnsubscribe",
        "Delivered by <a href='https://smartlead.ai'>Smart Lead</a>",
    ],
)  # fmt: skip
def test_what_a_provider_sets_below_a_mail_is_cut(footer: str) -> None:
    words = words_of(f"<p>Yes, Tuesday suits.</p><div>{footer.replace(chr(10), '<br>')}</div>")
    assert (words.text, words.html) == ("Yes, Tuesday suits.", "<p>Yes, Tuesday suits.</p>")


def test_html_keeps_words_and_forms_and_nothing_that_tells_or_loads() -> None:
    body = (
        '<div style="x" onclick="y">Yes, <b>Tuesday</b>, see <a href="https://acme.example/offer?a=1">this</a> and '
        '<a href="https://open.tracker.example/c/1">that</a>, <a href="javascript:alert(1)">x</a>, '
        '<a href="mailto:lea@client.example">me</a>.<img src="https://open.tracker.example/p.gif"><script>z</script>'
        '<iframe src="https://x.example"></iframe><ul><li>One</li></ul><form><input value="1"></form></div>'
    )
    words = words_of(body, {"acme.example"})
    assert words.html == (
        '<div>Yes, <b>Tuesday</b>, see <a href="https://acme.example/offer?a=1" rel="noopener noreferrer">this</a> and '
        '<a rel="noopener noreferrer">that</a>, <a rel="noopener noreferrer">x</a>, '
        '<a href="mailto:lea@client.example" rel="noopener noreferrer">me</a>.<ul><li>One</li></ul></div>'
    )
    assert words.text == "Yes, Tuesday, see this and that, x, me.\nOne"


def test_links_are_found_in_html_and_in_text() -> None:
    assert links_in('<p>See <a href="https://a.example/x?a=1&amp;b=2">it</a> or https://b.example.</p>') == [
        "https://a.example/x?a=1&b=2", "https://b.example.",
    ]  # fmt: skip
    assert links_in("See https://a.example/{{custom.city}} and HTTPS://b.example") == [
        "https://a.example/{{custom.city}}", "HTTPS://b.example",
    ]  # fmt: skip
    assert links_in("nothing") == []


def test_what_a_provider_adds_to_our_own_mails_is_left_out() -> None:
    steps = [
        "<p>Hi {{first_name}}, better than Smartlead?</p><p>We left HeyReach.</p>",
        "{{custom.opening}}\nBye",
        "{{custom.opening}}.",
    ]
    ours = OwnWords(steps, ["Our Instantly setup"])
    kept = "<p>Hi Lea, better than Smartlead?</p><p>We left HeyReach.</p><p>Our Instantly setup</p>"
    for footer in (
        "Sent with Smartlead",
        "Sent with Smartlead.",
        "Powered by Inst&#97;ntly.ai",
        "s.m.a.r.t.l.e.a.d",
        "We left Smartlead.",
    ):
        words = words_of(f"{kept}<div>{footer}</div>", (), ours)
        assert words.text == plain(kept)
        assert words.html == kept
        assert words.quoted is None
        assert words_of(f"{plain(kept)}\n\n{footer}", (), ours).text == plain(kept)
    assert words_of(f"{kept}<p>I use Smartlead</p>").text.endswith("I use Smartlead")  # a person's own


def test_a_long_mail_is_compared_with_our_own_words_in_little_time() -> None:
    ours = OwnWords(["{{a}} x" * 2_000, *("Line {{b}} of {{c}}" for _ in range(200))])
    began = time.process_time()
    words_of("<p>smartlead x</p>" * 5_000, (), ours)
    assert time.process_time() - began < 5
