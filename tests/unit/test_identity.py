"""One person, one spelling: keys fold to themselves, are ASCII, and tell two people apart."""

import re
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

import email_validator
import idna
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from api.http.addresses import is_address
from providers.identity import address_of, domain_key, domain_of, email_key, profile_key, profile_url

# Assigned in Unicode 14, the oldest that a supported Python knows: newer ones have no agreed folding yet.
KNOWN = st.characters(exclude_categories=("Cs", "Cn"), max_codepoint=0x10FFFF)
EMAIL = re.compile(r"[a-z0-9!#$&'*+/=?^_`{|}~.:-]+@[a-z0-9_.-]+", re.ASCII)
PROFILE = re.compile(r"linkedin\.com/in/[A-Za-z0-9._~:-]+", re.ASCII)

SAME_ADDRESS = {
    "info@xn--mller-kva.example": [
        "info@müller.example", "INFO@MÜLLER.example", " info@mu\u0308ller.example\n", "info@müller.example.",
        "info@xn--MLLER-kva.Example", "info@www.müller.example", "in\u200bfo@mül\u00adler.example",
        "ｉｎｆｏ＠müller。example", "\ufeffinfo@müller．example", "\u202ainfo@müller.example\u202c",
    ],
    "j:c3:b6@example.com": ["jö@example.com", "JÖ@example.com", "jo\u0308@example.com", "j:c3:b6@example.com"],
    "ann@u.example": ["'ann@u.example", "“ann@u.example”", "{ann@u.example}",
        "ann\u034f@u.example", "ann\ufe0f@u.example", "\" }ann@u.example", ":7dann@u.example", "'\u200d'ann@u.example"],
    "o'neil+tag@sub.example.com": ["O'Neil+Tag@Sub.Example.com"],
    "a=b:25c@example.com": ["a=b%c@example.com"],
    "jo@xn--strae-oqa.example": ["jo@straße.example", "jo@STRAẞE.example"],
    "jo@strasse.example": ["jo@STRASSE.example"],
    "jo@xn--i-7iq.example": ["jo@i❤.example", "jo@I❤.example"],
}  # fmt: skip
NO_ADDRESS = [
    "", " ", "@", "jo", "jo@", "@example.com", "jo@example", "jo@localhost", "jo@10.0.0.1",
    "jo@[10.0.0.1]",
    "jo doe@example.com", "an*n@example.com", "jo@ example.com", "jo@exa mple.com",
    "jo@-example.com", "jo@exa..mple.com", "jo,jo@x.com",
    "jo@xn--.example", "jo@xn--a.example", "jo@xn--mller-kva\u0308.example", "a" * 65 + "@example.com",
    "jo@" + "a" * 64 + ".com", "jo@" + "a." * 130 + "com", "jo@example.com/x", "jo@exa%6dple.com", "jo@x.com\x00",
]  # fmt: skip


@pytest.mark.parametrize(("key", "given_as"), [(key, text) for key, texts in SAME_ADDRESS.items() for text in texts])
def test_an_address_has_one_key(key: str, given_as: str) -> None:
    assert email_key(given_as) == key
    assert domain_key(re.split("[@＠]", given_as)[1]) == domain_of(key)


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_what_is_no_address_has_no_key(text: str) -> None:
    assert email_key(text) is None


SAME_PROFILE = {
    "linkedin.com/in/ren:c3:a9-c": [
        "https://www.linkedin.com/in/ren%C3%A9-c", "https://www.linkedin.com/in/rené-c", "linkedin.com/in/RENÉ-C",
        "https://www.linkedin.com/in/rene%CC%81-c/", "http://de.linkedin.com/in/ren%25C3%25A9-c?x=1",
        "https://linkedin.com/in/ren%E9-c", "linkedin.com/in/ren:c3:a9-c",
    ],
    "linkedin.com/in/lea": [  # one a line would be a page
        "https://www.linkedin.com/in/lea", "https://www.linkedin.com/in/lea&originalSubdomain=de",
        "https://www.linkedin.com/in/lea,", "<https://www.linkedin.com/in/lea>", "https://www.linkedin.com/in/lea;x=1",
        "https://www.google.com/url?q=https://www.linkedin.com/in/lea&sa=D", "www.linkedin.com/in/LEA/",
        "https://www.google.co.uk/url?sa=t&url=https%3A%2F%2Fuk.linkedin.com%2Fin%2Flea&usg=x",
        "//linkedin.com/in/lea",
        "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.linkedin.com%2Fin%2Flea%2F&data=05",
        "https://www.linkedin.com/authwall?trk=x&sessionRedirect=https%3A%2F%2Fwww.linkedin.com%2Fin%2Flea%2F",
        "https://m.linkedin.com/in/lea", "https://www.linkedin.com/mwlite/in/lea",
        "https://touch.www.linkedin.com/in/lea",
        "https://www.linkedin.com/comm/in/lea?midToken=x", "https://www.linkedin.com/in/lea/en",
        "\u200bhttps://LinkedIn.com/IN/lea\u200b",
        "https://www.linkedin.com/in/lea/overlay/contact-info/", '"https://www.linkedin.com/in/lea"',
        "linkedin.com//in//lea",
        "https://www.linkedin.com/in/lea)", "https://www.linkedin.com/in/lea.", "https://www.linkedin.com/in/lea'",
        "https://www.linkedin.com/in/lea\u200e", "https://www.linkedin.com/in/lea%E2%80%8E",
        "https://www.linkedin.com:443/in/lea",
        "https://www.linkedin.com/in/lea\"", "https://www.linkedin.com/in/lea%20",
        "https://www.linkedin.com/in/lea%2F",
    ],
    "linkedin.com/in/ACwAAAbCdEfGhIjK": [
        "https://www.linkedin.com/in/ACwAAAbCdEfGhIjK", "linkedin.com/in/ACwAAAbCdEfGhIjK/",
        "https://www.linkedin.com/sales/lead/ACwAAAbCdEfGhIjK,NAME_SEARCH,x1",
        "urn:li:fs_salesProfile:(ACwAAAbCdEfGhIjK,NAME_SEARCH,x)",
    ],
    "linkedin.com/in/jo-x": [
        "https://www.linkedin.com/in/jo-x。", "https://www.linkedin.com/in/jo-x）", "https://www.linkedin.com/in/jo-x？trk=1",
        "https://www.linkedin.com/in/jo-x–", "https://www.linkedin.com/in/jo-x%", "https://www.linkedin.com/in/jo-x\u034f",
    ],
    "linkedin.com/in/ACoAABcdEFg": ["https://www.linkedin.com/in/ACoAABcdEFg=", "https://www.linkedin.com/in/ACoAABcdEFg%3D"],
    "linkedin.com/in/ACoAABcDeFgHiJ": [
        "https://www.linkedin.com/in/ACoAABcDeFgHiJ?x",
        "urn:li:fsd_profile:ACoAABcDeFgHiJ",
    ],
    "linkedin.com/in/AEMAABcDeFgHiJ": ["https://www.linkedin.com/in/AEMAABcDeFgHiJ"],
    "linkedin.com/in/acoanna": ["https://www.linkedin.com/in/ACOANNA", "https://www.linkedin.com/in/acoanna"],
}  # fmt: skip
NO_PROFILE = [
    "", " ", "https://", "lea", "https://notlinkedin.com/in/lea", "https://linkedin.com.evil.example/in/lea",
    "https://www.linkedin.com/company/lea", "https://linkedin.com@evil.example/in/lea",
    "https://evil.example/linkedin.com/in/lea",
    "https://evil.example/?url=https://www.linkedin.com/in/lea", "https://www.linkedin.com/in/",
    "https://www.linkedin.com/in/%20",
    "https://www.linkedin.com/in/-", "https://www.linkedin.com/school/x/in/lea", "https://www.linkedin.com/",
    "linkedin.com",
    "https://lnkd.in/abc", "https://[::1/in/lea", "ftp://linkedin.com/in/lea", "https:///in/lea", "/in/lea",
    "https://www.linkedin.com/pub/lea/1/2/3", "https://www.linkedin.com/in/" + "a" * 101,
    "https://linkedin\u2024com/in/lea",
    "urn:li:company:123", "https://linkedin.com%2F@evil.example/in/x", "https://xlinkedin.com/in/lea",
]  # fmt: skip


@pytest.mark.parametrize(("key", "given_as"), [(key, text) for key, texts in SAME_PROFILE.items() for text in texts])
def test_a_profile_has_one_key(key: str, given_as: str) -> None:
    assert profile_key(given_as) == key


@pytest.mark.parametrize("text", NO_PROFILE)
def test_what_is_no_profile_has_no_key(text: str) -> None:
    assert profile_key(text) is None


def is_sound(key: str, pattern: re.Pattern[str]) -> bool:
    return key.isascii() and pattern.fullmatch(key) is not None and not re.search(r"%|@www\.[^.]+\.", key)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.text(KNOWN, min_size=1, max_size=12), st.text(KNOWN, min_size=1, max_size=12))
def test_an_address_key_folds_to_itself(local: str, label: str) -> None:
    key = email_key(f"{local}@{label}.example")
    assume(key is not None)
    assert key is not None
    assert is_sound(key, EMAIL), key
    assert email_key(key) == key
    assert email_key(address_of(key)) == key, address_of(key)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.text(KNOWN, min_size=1, max_size=12))
def test_a_profile_key_folds_to_itself(name: str) -> None:
    key = profile_key(f"https://www.linkedin.com/in/{quote(name)}")
    assume(key is not None)
    assert key is not None
    assert is_sound(key, PROFILE), key
    assert profile_key(key) == key
    assert profile_key(profile_url(key)) == key, profile_url(key)


def test_every_character_of_a_domain_folds_as_uts_46_says() -> None:
    """For those that are assigned in Unicode 14: the same key exactly where the reference has the same name."""
    seen: dict[str, str] = {}
    for point in range(0x80, 0x110000):
        sign = chr(point)
        kind = unicodedata.category(sign)
        if kind in ("Cn", "Cs", "Co") or (kind == "Lo" and point > 0x3000 and point % 41):
            continue  # of ideographs, which are all alike, some
        given_as = f"a{sign}b.example"
        key = domain_key(given_as)
        try:
            reference = idna.encode(given_as, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            assert key is None or domain_key(key) == key, hex(point)
            continue
        assert key == domain_key(key) == reference, hex(point)
        assert seen.setdefault(reference, idna.uts46_remap(given_as)) == idna.uts46_remap(given_as)


@pytest.mark.parametrize("fold", [email_key, domain_key, profile_key])
@pytest.mark.parametrize("sign", ["@", ".", "%", "/", "a", "ü", "\u0308", ":c3", "www.", "https://google.com/url?q="])
def test_long_texts_cost_little(fold: Callable[[str], str | None], sign: str) -> None:
    assert fold(sign * 100_000) is None
    fold((sign * 2000)[:2000])


LOCALS = st.from_regex(r"[a-zA-Z0-9._+-]{1,70}", fullmatch=True)
DOMAINS = st.from_regex(r"[a-z0-9-]{1,65}(\.[a-z0-9-]{1,12}){0,3}", fullmatch=True)


@given(LOCALS, DOMAINS)
def test_the_short_way_for_plain_addresses_judges_as_the_long_one(local: str, domain: str) -> None:
    text = f"{local}@{domain}"
    key = email_key(text)
    try:
        email_validator.validate_email(address_of(key or ""), check_deliverability=False)
        valid = key is not None and not text.endswith(".")
    except email_validator.EmailNotValidError:
        valid = False
    assert is_address(text) == valid
