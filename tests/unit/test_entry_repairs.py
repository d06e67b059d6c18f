"""Entries of a do-not-contact list mean what was meant, or are refused with the reason."""

import pytest

from api.suppressions.entries import EntryError, kind_of, read_entry
from api.suppressions.reading import read_entries

SITE = "https://www.linkedin.com/in"
MEANT = [
    ("email", "mailto:jo%2Bnews@p.example", "jo+news@p.example"),
    ("email", "mailto:jo%40p.example?subject=a", "jo@p.example"),
    ("email", "jo?x@p.example", "jo?x@p.example"), ("email", "jo@p.example?subject=a", "jo@p.example"),
    ("email", "\u200bmailto:jo@p.example", "jo@p.example"), ("email", '"jo@p.example" <jo@p.example>', "jo@p.example"),
    ("email", "m/f@linkedin.com", "m/f@linkedin.com"), ("linkedin_url", f"{SITE}/lea%20", "linkedin.com/in/lea"),
    ("linkedin_url", f"{SITE}/lea:3ftrk=1", "linkedin.com/in/lea"),
    ("linkedin_url", f"{SITE}/lea\u037e", "linkedin.com/in/lea"),
    ("linkedin_url", f"https://www.google.com/url?q={SITE}/lea&sa=D", "linkedin.com/in/lea"),
    ("domain", "https://p.example/about", "p.example"), ("domain", "facebook.com", "facebook.com"),
]  # fmt: skip
REFUSED = [
    ("email", "ann..b@p.example", "invalid_email"), ("email", ".ann@p.example", "invalid_email"),
    ("email", "jo@a_b.com", "invalid_email"), ("email", "jo@ab--cd.com", "invalid_email"),
    ("linkedin_url", "de.linkedin.com/in/lea, de.linkedin.com/in/bob", "several"),
    ("linkedin_url", f"{SITE}/lea，{SITE}/bob", "several"),
    ("linkedin_url", f"{SITE}/lea and fr.linkedin.com/in/bob", "several"),
    ("linkedin_url", f"{SITE}/lea/{SITE}/bob", "several"), ("domain", "https://a1.com/,https://b1.com/", "several"),
    ("domain", "https://a2.com/|https://b2.com", "several"), ("email", "jo@p.example <bo@p.example>", "several"),
    ("domain", f"{SITE}/lea", "names_a_profile"), ("domain", "https://lnkd.in/abc", "names_a_profile"),
    ("domain", "www.facebook.com/lea", "names_a_profile"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "given", "key"), MEANT)
def test_an_entry_means_what_was_meant(kind: str, given: str, key: str) -> None:
    assert read_entry(kind, given).key == key


@pytest.mark.parametrize(("kind", "given", "code"), REFUSED)
def test_an_entry_that_would_lose_a_person_is_refused(kind: str, given: str, code: str) -> None:
    with pytest.raises(EntryError) as refused:
        read_entry(kind, given)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("urn:li:fsd_profile:ACoAABcDeFgHiJ", "linkedin_url"), ("jo\uff20p.example", "email"),
        ("m/f@linkedin.com", "email"), ("p.example", "domain"), ("linkedin.com/in/lea", "linkedin_url"),
    ],
)  # fmt: skip
def test_a_value_without_a_kind_is_of_the_kind_it_looks_like(given: str, kind: str) -> None:
    assert kind_of(given) == kind


def test_an_exported_kind_decides() -> None:
    rows = read_entries("text/csv", None, b"kind,value\ndomain,facebook.com\nemail,m/f@linkedin.com\n,x.example\n")
    assert [row.entry and (row.entry.kind, row.entry.key) for row in rows] == [
        ("domain", "facebook.com"), ("email", "m/f@linkedin.com"), ("domain", "x.example"),
    ]  # fmt: skip
