"""No provider's name in what providers write, in any disguise; and words that only look like one stay."""

import time

import pytest

from providers.masking import masked, names_a_provider, reason_of

DISGUISED = [
    "Smartlead", "SMARTLEAD.AI", "smart-lead", "smart_lead", "Smart Lead", "s.m.a.r.t.l.e.a.d", "smart       lead",
    "smart.......lead", "smart — — — lead", "smart\nlead", "s\u200bmartlead", "smart\u00adlead", "s\u3164martlead",
    "smart%6Cead.ai", "smart%25256Cead", "&#115;martlead", "smart&#x6C;ead", "smart<b>lead</b>", "smart=6Cead",
    'smart<span style="color:#ffffff;font-size:12px;line-height:14px">lead</span>', "smart\\u006cead",
    "\uff33\uff4d\uff41\uff52\uff54\uff4c\uff45\uff41\uff44", "sm\u0430rtle\u0430d", "smɑrtlead", "smartʟead",
    "ꜱᴍᴀʀᴛʟᴇᴀᴅ", "🆂🅼🅰🆁🆃🅻🅴🅰🅳", "sm4rtl3ad", "app.smartlead.ai", "https://open.sleadtrack.com/x", "Instantly",
    "1nstantly", "Instantly Unibox", "INSTANTLY.AI", "i-n-s-t-a-n-t-l-y", "HeyReach", "hey reach", "hey_reach",
    "heyreachapp", "myheyreach", "ħeyreach", "heyɾeach", "Hey&shy;Reach",
]  # fmt: skip


@pytest.mark.parametrize("name", DISGUISED)
def test_a_name_is_cut_in_any_disguise(name: str) -> None:
    assert names_a_provider(name)
    assert masked(name) in (None, "… Unibox")
    assert masked(f"Jo {name} Müller").startswith("Jo …")  # type: ignore[union-attr]
    shown = reason_of(f"550 5.1.1 refused by {name} relay") or ""
    assert shown.startswith("550 5.1.1 refused by")
    assert not names_a_provider(shown)


@pytest.mark.parametrize(
    "text",
    ["They Reach Ltd", "Smart Leadership GmbH", "Konstantin Instant Lyon", "Lea", "552 They reached their quota"],
)
def test_words_that_only_contain_the_letters_stay(text: str) -> None:
    assert not names_a_provider(text)
    assert masked(text) == text


@pytest.mark.parametrize(
    ("notice", "reason"),
    [
        (None, None),
        ("", None),
        ("Address not found", "Address not found"),
        ("Hello,\n\n550 5.1.1 <lea@x.example>: User unknown\nBye", "550 5.1.1 User unknown"),
        ("552 5.2.2 The mailbox lea@x.example is full at mx1.x.example (10.0.0.1)", "552 5.2.2 The mailbox is full at"),
        ("550 lookup [AM7.prod.outlook.com 2024-01-01T00:00:00Z 08DC0A]", "550 lookup"),
        ("error 250 ok ; 550 mailbox unavailable", "550 mailbox unavailable"),
        ("550 5.1.1 user unknown.Please check", "550 5.1.1 user unknown.Please check"),
        ("Remote-MTA 4XyZ1a2b3c, campaign 3623750", "Remote-MTA campaign"),
    ],
)
def test_a_reason_is_the_servers_line_without_places(notice: str | None, reason: str | None) -> None:
    assert reason_of(notice) == reason


@pytest.mark.parametrize("part", ["<", "[", "-", "1.1.1", "a.", "smart", "ﷺ", "x@", "%25", "&amp;"])
def test_no_notice_costs_much(part: str) -> None:
    begun = time.process_time()
    reason_of(part * (100_000 // len(part)))
    masked(part * (100_000 // len(part)))
    assert time.process_time() - begun < 0.5
