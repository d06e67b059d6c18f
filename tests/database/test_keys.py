"""Whatever writes, people and lists are known by folded keys alone, and every key that is folded is taken."""

import random
import secrets
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from providers.identity import domain_key, domain_of, email_key, profile_key, untagged
from tests.database.catalog import value
from tests.database.tenants import Company, Conn, Place, acting, attempt, entry, insert, known_by

BAD_EMAILS = (
    "Jo@x.example", "jo@X.example", "JO@x.example", "j%6f@x.example", "jo%@x.example", "jo@www.x.example",
    "jö@x.example", "jo@bücher.example", "", " ", " jo@x.example", "jo@x.example ", "jo@x.example\n", "j o@x.example",
    "jo", "jo@", "@x.example", "jo@x", "jo@x.example.", "jo@.x.example", "jo@x..example", "jo@-x.example",
    "jo@1.2.3.4", "jo@a@x.example", '"jo"@x.example', "<jo@x.example>", "mailto:jo@x.example", "j:6f@x.example",
    "j:4F@x.example", "jo:@x.example", "jo:c@x.example", "jo:C3:B6@x.example", "jo:c3@x.example", "jo:e2:80@x.example",
    "ｊｏ@x.example", "jo@x。example", "}jo@x.example", "{jo@x.example", "`jo@x.example", "'jo@x.example",
)  # fmt: skip
BAD_DOMAINS = (
    "X.example", "x.Example", "www.x.example", "www.www.example", "bücher.example", "b%c3.example", "", " ", "x",
    "x.example ", "x.example\n", ".x.example", "x.example.", "x..example", "-x.example", "x-.example", "x.example/y",
    "https://x.example", "x.example:80", "@x.example", "*.x.example", "1.2.3.4", f"{'x' * 64}.example",
)  # fmt: skip
BAD_PROFILES = (
    "linkedin.com/in/Jo", "LinkedIn.com/in/jo", "https://linkedin.com/in/jo", "www.linkedin.com/in/jo",
    "de.linkedin.com/in/jo", "linkedin.com/in/jo/", "linkedin.com/in/jo?trk=1", "linkedin.com/in/jo#x",
    "linkedin.com/in/j%6f", "linkedin.com/in/jö", "linkedin.com/in/j:6f", "linkedin.com/in/j:4f", "linkedin.com/in/jo:",
    "linkedin.com/in/jo:C3:B6", "linkedin.com/in/jo.", "linkedin.com/in/jo:2c", "linkedin.com/in/jo!",
    "linkedin.com/in/jo:c3", "linkedin.com/in/:cca", "linkedin.com/in/jo:b6:c3", "linkedin.com/in/",
    "linkedin.com/in/-", "linkedin.com/in/ ", "", " ", "linkedin.com/in/jo ", "linkedin.com/in/jo\n",
    "linkedin.com/company/jo", "linkedin.com/jo", "example.com/in/jo", "linkedin.com.example/in/jo",
    "alinkedin.com/in/jo", "linkedinxcom/in/jo", "jo", "linkedin.com/in/ACoAAB", "linkedin.com/in/BCoAABcDeFgHiJ",
)  # fmt: skip
BAD = {"email": BAD_EMAILS, "domain": BAD_DOMAINS, "linkedin_url": BAD_PROFILES}
GOOD = {"email": "jo@x.example", "domain": "x.example", "linkedin_url": "linkedin.com/in/jo"}
FOLD = {"email": email_key, "domain": domain_key, "linkedin_url": profile_key}
# Who may write which list, each as the lists' own columns allow.
LISTS = {
    "org": "suppressions", "company": "suppressions", "worker": "suppressions", "platform": "platform_suppressions",
}  # fmt: skip


def ends(conn: Conn, table: str, row: dict[str, Any]) -> str | None:
    """Return how an insert of one row ends; it is undone."""
    return attempt(conn, insert(table, row, None), list(row.values())).sqlstate


# What is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", ["org", "company"])
def test_no_second_spelling_of_a_person_comes_in(place: Place, company: Company, tier: str) -> None:
    own = {"company_id": company.id}
    person = known_by("jo@x.example", "linkedin.com/in/jo")
    with acting(place, tier, company) as conn:
        assert ends(conn, "leads", {**own, **person}) is None
        for key in BAD_EMAILS:
            row = {**own, **person, "email_key": key, "domain_key": key.rpartition("@")[2]}
            assert ends(conn, "leads", row) == "23514", key
        for key in BAD_PROFILES:
            assert ends(conn, "leads", {**own, **person, "linkedin_key": key}) == "23514", key


MISSING: dict[str, dict[str, str | None]] = {
    "no key of an address": {"email_key": None, "domain_key": None},
    "no key of a profile": {"linkedin_key": None},
    "a key of no address": {"email": None},
    "a key of no profile": {"linkedin_url": None},
    "no domain": {"domain_key": None},
    "another domain": {"domain_key": "y.example"},
    "the domain above": {"domain_key": "example"},
    "a domain below": {"domain_key": "mail.x.example"},
    "another address": {"email_key": "jo@y.example"},
    "a domain alone": {"email": None, "email_key": None},
    "nobody": dict.fromkeys(known_by()),
}


@pytest.mark.parametrize("tier", ["org", "company"])
@pytest.mark.parametrize("what", MISSING)
def test_a_value_and_its_key_come_together(place: Place, company: Company, tier: str, what: str) -> None:
    person = {**known_by("jo@x.example", "linkedin.com/in/jo"), "company_id": company.id}
    lead = company.spare["leads"]
    with acting(place, tier, company) as conn:
        assert ends(conn, "leads", {**person, **MISSING[what]}) == "23514"
        sets = ", ".join(f"{name} = %s" for name in known_by())
        change = f"update outbound.leads set {sets} where id = %s"  # noqa: S608  # the names are this page's own
        for changed, wanted in ((person, None), ({**person, **MISSING[what]}, "23514")):
            params = [*(changed[name] for name in known_by()), lead]
            assert attempt(conn, change, params).sqlstate == wanted


@pytest.mark.parametrize("tier", LISTS)
def test_no_second_spelling_comes_onto_a_list(place: Place, company: Company, tier: str) -> None:
    own = {"company_id": company.id} if LISTS[tier] == "suppressions" else {}
    with acting(place, tier, company) as conn:
        for kind, keys in BAD.items():
            row = {**own, "kind": kind, "value": "as given", "value_key": GOOD[kind]}
            assert ends(conn, LISTS[tier], row) is None, kind
            for key in keys:
                assert ends(conn, LISTS[tier], {**row, "value_key": key}) == "23514", (kind, key)
            assert ends(conn, LISTS[tier], {**row, "value_key": None}) == "23502"
            assert ends(conn, LISTS[tier], {**row, "value": ""}) == "23514"
            others = set(GOOD.values()) - {GOOD[kind]}
            assert {ends(conn, LISTS[tier], {**row, "value_key": other}) for other in others} == {"23514"}, kind
        assert ends(conn, LISTS[tier], {**own, **entry("email", "jo@x.example"), "kind": "phone"}) == "23514"


@pytest.mark.parametrize("tier", ["org", "company"])
@pytest.mark.parametrize("source", ["unsubscribed", "bounced", "complained", "do_not_contact"])
def test_what_has_happened_is_not_written_by_hand(place: Place, company: Company, *, tier: str, source: str) -> None:
    row = {"company_id": company.id, **entry("email", "jo@source.example")}
    with acting(place, tier, company) as conn:
        assert ends(conn, "suppressions", {**row, "source": source}) == "42501"
        assert [ends(conn, "suppressions", {**row, "source": own}) for own in ("manual", "import")] == [None, None]
        change = "update outbound.suppressions set source = %s where id = %s"
        assert attempt(conn, change, [source, company.rows["suppressions"]]).sqlstate == "42501"
        assert attempt(conn, "select outbound.unsubscribe(%s)", [company.spare["leads"]], keep=True).rows == [(2,)]
        wanted = "select distinct source from outbound.suppressions where value_key = 'spare@lead.example'"
        assert conn.execute(wanted).fetchall() == [("unsubscribed",)]
    with acting(place, "worker", company) as conn:
        assert ends(conn, "suppressions", {**row, "source": source}) is None


@pytest.mark.parametrize("tier", ["org", "company"])
def test_a_list_is_changed_in_what_it_covers_and_in_nothing_else(place: Place, company: Company, tier: str) -> None:
    with acting(place, tier, company) as conn:
        for column, wanted in (
            ("include_subdomains", None), ("include_tags", None), ("marked_at", None), ("deleted_at", None),
            ("value", "42501"), ("value_key", "42501"), ("kind", "42501"), ("source_at", "42501"),
            ("company_id", "42501"),
        ):  # fmt: skip
            change = f"update outbound.suppressions set {column} = {column} where id = %s"  # noqa: S608
            assert attempt(conn, change, [company.rows["suppressions"]]).sqlstate == wanted, column


# What is taken -----------------------------------------------------------------------------------------------------

# The last is half a character.
LETTERS = "".join(
    (
        "abcxyzABCXYZ0189._-+~!#$%&'*/=?^`{|}:,;@ äÖßşИΣς王é\u0301İıﬁＡ１ﾊ",
        "\u200d\u200b\u00ad\U0001f600\u0639\u094d\u0915\ud800",
    )
)
PLACES = ("example", "com", "co.uk", "рф", "中国", "xn--p1ai", "EXAMPLE.", "Bücher.example", "xn--bcher-kva.example")
LINKS = (
    "https://www.linkedin.com/in/{}", "linkedin.com/in/{}/", "http://de.linkedin.com/in/{}?trk=x",
    "in.linkedin.com/in/{}",
    "https://www.linkedin.com/mwlite/in/{}", "HTTPS://LINKEDIN.COM/IN/{}#about", "<linkedin.com/in/{}>,",
    "https://www.linkedin.com/sales/lead/{},NAME_SEARCH,x", "urn:li:fsd_profile:{}", "linkedin.com/profile/view?id={}",
    "https://www.google.com/url?q=https://www.linkedin.com/in/{}",
)  # fmt: skip
IDS = "ABCDEFabcdef0123456789_-"


def made(many: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield texts of every kind as a person could give them, most of them no person's."""
    chance = random.Random(seed)  # a text to try, no secret

    def word(longest: int, letters: str = LETTERS) -> str:
        return "".join(chance.choices(letters, k=chance.randint(1, longest)))

    for _ in range(many):
        plain = chance.random() < 0.5
        letters = LETTERS[:27] if plain else LETTERS
        labels = [
            word(chance.choice((3, 12, 63)), "abcxyz019-" if plain else LETTERS) for _ in range(chance.randint(0, 3))
        ]
        domain = ".".join([*labels, chance.choice(PLACES)])
        name = word(chance.choice((4, 20, 100)), letters)
        if chance.random() < 0.2:
            name = f"A{chance.choice('CE')}oAA{word(chance.choice((10, 40, 120)), IDS)}"
        elif chance.random() < 0.2:
            name = "".join(f":{byte:02x}" for byte in name.encode(errors="ignore"))
        yield "email", f"{word(chance.choice((3, 20, 64)), letters)}@{domain}"
        yield "domain", domain
        yield "linkedin_url", chance.choice(LINKS).format(name)


def keys_of(many: int, seed: int) -> dict[str, dict[str, str]]:
    """Return keys by kind, each with a text that it was made of."""
    found: dict[str, dict[str, str]] = {kind: {} for kind in GOOD}
    for kind, text in made(many, seed):
        key = FOLD[kind](text)
        if key is not None:
            found[kind][key] = text
    return found


ADD_PEOPLE = """
    insert into outbound.leads (email, email_key, domain_key, linkedin_url, linkedin_key)
    select r.email, r.email_key, r.domain_key, r.linkedin_url, r.linkedin_key
    from jsonb_to_recordset(%s) as r (
      email text, email_key text, domain_key text, linkedin_url text, linkedin_key text
    )
    on conflict do nothing
"""
ADD_ENTRIES = """
    insert into outbound.suppressions (kind, value, value_key)
    select r.kind, r.value, r.value_key from jsonb_to_recordset(%s) as r (kind text, value text, value_key text)
"""


def test_every_key_that_is_made_is_taken(place: Place, company: Company) -> None:
    seed = secrets.randbelow(10**6)
    print(f"seed {seed}")
    keys = keys_of(4000, seed)
    assert all(len(found) > 1000 for found in keys.values()), {kind: len(found) for kind, found in keys.items()}
    people = [known_by(text) for text in keys["email"].values() if len(text) >= 3]
    people += [known_by(profile=text) for text in keys["linkedin_url"].values() if len(text) <= 500]
    listed = [
        {"kind": kind, "value": text[:500].ljust(3), "value_key": key}
        for kind, found in keys.items()
        for key, text in found.items()
    ]
    with acting(place, "company", company) as conn:
        assert conn.execute(ADD_PEOPLE, [Jsonb(people)]).rowcount == len(people)
        assert conn.execute(ADD_ENTRIES, [Jsonb(listed)]).rowcount == len(listed)


def test_a_key_is_its_own_key_and_the_database_says_no_to_what_is_not(admin: Conn) -> None:
    """Each key a little changed: what the database still takes is folded, as far as it is ASCII."""
    seed = secrets.randbelow(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)  # a text to try, no secret
    tried = 0
    for kind, found in keys_of(2500, seed).items():
        assert [key for key in found if FOLD[kind](key) != key] == []
        plain = [key for key in found if ":" not in key and "xn--" not in key and "/A" not in key]
        changed = [changed_a_little(chance, key) for key in plain for _ in range(4)]
        ask = f"select k from unnest(%s::text[]) as k where outbound.is_{NAMES[kind]}_key(k)"  # noqa: S608
        taken = [row[0] for row in admin.execute(ask, [changed]).fetchall()]  # pyright: ignore[reportArgumentType]
        assert [(key, FOLD[kind](key)) for key in taken if FOLD[kind](key) not in (key, None)] == []
        tried += len(taken)
    assert tried > 1000


NAMES = {"email": "email", "domain": "domain", "linkedin_url": "profile"}


def changed_a_little(chance: random.Random, key: str) -> str:
    """Return a text with one letter more, less or other than a key."""
    at, letter = chance.randrange(len(key)), chance.choice("abzABZ09.-_+~%:@/?# !*,\t\n")
    return {
        0: key[:at] + letter + key[at:], 1: key[:at] + key[at + 1 :], 2: key[:at] + key[at].upper() + key[at + 1 :],
        3: f"www.{key}", 4: key.replace("@", "@www."), 5: key + letter,
    }[chance.randrange(6)]  # fmt: skip


def test_the_database_reads_keys_as_python_does(admin: Conn) -> None:
    addresses = list(keys_of(1500, 7)["email"])
    ask = """
        select outbound.untagged(k), outbound.domain_path(split_part(k, '@', 2)),
          outbound.domains_above(split_part(k, '@', 2))
        from unnest(%s::text[]) as k
    """
    for key, row in zip(addresses, admin.execute(ask, [addresses]).fetchall(), strict=True):
        labels = domain_of(key).split(".")
        above = [".".join(labels[at:]) for at in range(len(labels) - 1)]
        assert row == (untagged(key), ".".join(reversed(labels)), above), key


def test_the_path_of_a_domain_is_its_own(place: Place, company: Company) -> None:
    """It is generated: no role writes it, and a changed address changes it."""
    lead = company.spare["leads"]
    path = "select domain_path from outbound.leads where id = %s"
    with acting(place, "company", company) as conn:
        assert value(conn, path, [lead]) == "example.lead"
        forged = "update outbound.leads set domain_path = 'example.other' where id = %s"
        assert attempt(conn, forged, [lead]).sqlstate in ("42501", "428C9")
        moved = known_by("jo@mail.x.example")
        change = "update outbound.leads set email = %s, email_key = %s, domain_key = %s where id = %s"
        conn.execute(change, [moved["email"], moved["email_key"], moved["domain_key"], lead])
        assert value(conn, path, [lead]) == "example.x.mail"


def test_a_key_is_ordered_by_its_bytes(admin: Conn) -> None:
    """Subdomains and tags are ranges of an index: in another order they would not lie together."""
    ask = """
        select array_agg(attrelid::regclass || '.' || attname order by 1) from pg_attribute
        where attrelid in ('outbound.leads'::regclass, 'outbound.suppressions'::regclass,
          'outbound.platform_suppressions'::regclass)
          and (attname like '%key' or attname = 'domain_path') and attcollation <> '"C"'::regcollation
    """
    assert value(admin, ask) is None
    assert isinstance(value(admin, "select outbound.uuid_v7()"), UUID)
