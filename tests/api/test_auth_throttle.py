"""How often a caller may try: passwords per account and network, counted in the database; requests per credential."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from unicodedata import normalize

import httpx
import jwt
import pytest

from tests.api.answers import problem
from tests.api.people import (
    PASSWORD,
    Person,
    caller,
    door,
    invite,
    network,
    new_email,
    new_person,
    second_api,
    set_password,
    slug_of,
    tenant,
    vault_of,
)
from tests.engine import Engine

GUESSES = int(os.environ.get("OUTBOUND_GUESSES", "200"))  # 10,000 take two minutes
OUR_PROXIES = "127.77.0.0/16"
PROXY, INNER_PROXY = "127.77.1.1", "127.77.200.9"


@pytest.fixture(scope="module")
def proxied(engine: Engine) -> Iterator[str]:
    """The address of an API process that believes its proxies, and lets each credential ask once a second."""
    with second_api(engine, trusted_proxies=OUR_PROXIES, rate_limit_per_minute="60") as url:
        yield url


@pytest.fixture(scope="module")
def person(engine: Engine) -> Person:
    return new_person(tenant(engine))


def body_of(person: Person, **changes: str) -> dict[str, str]:
    return {"organization": person.slug, "email": person.email, "password": person.password, **changes}


def test_many_networks_together_get_no_more_tries_than_one(engine: Engine) -> None:
    person = new_person(tenant(engine))
    device = person.login()["device_token"]
    started = time.monotonic()

    def guess(number: int) -> httpx.Response:
        with door(engine, f"127.{100 + number // 200}.{number % 200}.1") as client:
            return client.post("/v1/auth/login", json=body_of(person, password=f"the guess number {number}"))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(GUESSES)))
    refilled = int((time.monotonic() - started) / 90)
    judged = [answer for answer in answers if answer.status_code == 401]
    assert 10 <= len(judged) <= 10 + refilled + 1
    for answer in answers:
        if answer.status_code != 401:
            problem(answer, 429, "rate_limited")
            assert 0 < int(answer.headers["retry-after"]) <= 90
    problem(person.try_login(), 429, "rate_limited")
    problem(person.try_login(device_token=f"obx_dev_{'0' * 64}"), 429, "rate_limited")
    assert person.try_login(device_token=device).status_code == 200


def test_a_device_is_known_to_its_own_account_alone_and_has_its_tries_counted_too(engine: Engine) -> None:
    org = tenant(engine)
    person, other = new_person(org), new_person(org)
    device = other.login()["device_token"]
    assert device != person.login()["device_token"]
    for _ in range(10):
        person.try_login(password="a wrong password")
    problem(person.try_login(device_token=device), 429, "rate_limited")
    statuses = [other.try_login(password="wrong", device_token=device).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]


def test_an_unknown_account_is_slowed_like_a_known_one(engine: Engine) -> None:
    org = tenant(engine)
    statuses = []
    for email in (new_email(), new_person(org).email):
        person = Person("", slug_of(org), email, engine, "a wrong password")
        statuses.append([person.try_login().status_code for _ in range(11)])
    assert statuses == [[401] * 10 + [429]] * 2


SPELLINGS: dict[str, tuple[str, Callable[[str, int], str]]] = {
    "case": ("abc", lambda email, number: email[:number].upper() + email[number:]),
    "blanks": ("abc", lambda email, number: " " * number + email + "\t" * number),
    "decomposed": ("ééé", lambda email, number: normalize("NFD", email[:number]) + email[number:]),
    "capital I with a dot": ("iii", lambda email, number: "\u0130" * number + email[number:]),
    "Kelvin sign": ("kkk", lambda email, number: "\u212a" * number + email[number:]),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_account_has_one_count_however_its_address_is_spelled(spelling: str, engine: Engine) -> None:
    org = tenant(engine)
    begin, spelled = SPELLINGS[spelling]
    user = invite(org, "org_member", email=f"{begin}.{new_email()}")
    set_password(engine, user["link"]["token"]).raise_for_status()
    person = Person(user["id"], slug_of(org), user["email"], engine)
    other = replace(person, email=spelled(person.email, 2))
    assert other.email != person.email
    if other.try_login().status_code == 401:
        return  # to us it is another client's address
    assert person.try_login().status_code == 200
    statuses = [one.try_login(password="wrong").status_code for one in (person, other) for _ in range(8)]
    assert statuses.count(401) <= 11


def test_coming_in_gives_the_tries_back(engine: Engine) -> None:
    person = new_person(tenant(engine))
    for _ in range(3):
        assert [person.try_login(password="wrong").status_code for _ in range(5)] == [401] * 5
        assert person.try_login().status_code == 200


def seen_address(engine: Engine, url: str, peer: str, forwarded: list[str], person: Person) -> str:
    """Log in through a peer with X-Forwarded-For and return the address that the session remembers."""
    headers = [("X-Forwarded-For", value) for value in forwarded]
    with door(engine, peer, url) as client:
        tokens = client.post("/v1/auth/login", json=body_of(person), headers=headers).raise_for_status().json()
    session = jwt.decode(tokens["access_token"], options={"verify_signature": False})["sid"]
    with engine.sql() as sql:
        row = sql.execute("select address from outbound.sessions where id = %s", [session]).fetchone()
    assert row is not None
    return str(row["address"])


FORGED = [["203.0.113.7"], ["203.0.113.7, 198.51.100.1"], ["203.0.113.7", "198.51.100.1"], ["nonsense"], [""]]


@pytest.mark.parametrize("forwarded", FORGED, ids=["one", "list", "two headers", "nonsense", "empty"])
def test_no_client_names_its_own_address(forwarded: list[str], engine: Engine, proxied: str, person: Person) -> None:
    for url in (engine.api_url, proxied):
        peer = network().replace("127.77.", "127.78.")
        assert seen_address(engine, url, peer, forwarded, person) == peer


@pytest.mark.parametrize(
    ("forwarded", "seen"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["203.0.113.7, 198.51.100.1"], "198.51.100.1"),
        (["203.0.113.7", "198.51.100.1"], "198.51.100.1"),
        ([f"203.0.113.7, 198.51.100.1, {INNER_PROXY}"], "198.51.100.1"),
        ([f"203.0.113.7, {INNER_PROXY}, 2001:db8::7"], "2001:db8::7"),
        (["203.0.113.7, nonsense"], PROXY),
        ([INNER_PROXY], PROXY),
    ],
    ids=["one", "list", "two headers", "inner proxy", "IPv6", "nonsense", "only proxies"],
)
def test_of_what_our_proxies_say_the_last_hop_that_is_not_theirs_counts(
    forwarded: list[str], seen: str, engine: Engine, proxied: str, person: Person
) -> None:
    assert seen_address(engine, proxied, PROXY, forwarded, person) == seen


def test_readiness_names_a_proxy_that_is_not_declared(engine: Engine, proxied: str) -> None:
    for url, through in (
        (engine.api_url, {"status": "ok", "warnings": ["undeclared_proxy"]}),
        (proxied, {"status": "ok"}),
    ):
        with door(engine, PROXY, url) as client:
            assert client.get("/readyz", headers={"X-Forwarded-For": "198.51.100.1"}).json() == through
            assert client.get("/readyz").json() == {"status": "ok"}


def test_one_network_has_its_tries_counted_by_all_processes_together(engine: Engine, proxied: str) -> None:
    slug = slug_of(tenant(engine))
    client_network = network().rpartition(".")[0]
    bucket = "address:" + vault_of(engine).token_hmac(f"{client_network}.0/24", purpose="address").hex()

    def tried(peer: str, url: str, forwarded: str | None = None) -> httpx.Response:
        body = {"organization": slug, "email": new_email(), "password": PASSWORD}
        with door(engine, peer, url) as client:
            return client.post("/v1/auth/login", json=body, headers={"X-Forwarded-For": forwarded} if forwarded else {})

    assert tried(f"{client_network}.1", engine.api_url).status_code == 401
    with engine.sql() as sql:
        row = sql.execute("select tokens from ctx.login_buckets where bucket = %s", [bucket]).fetchone()
        assert row == {"tokens": 99}
        sql.execute("update ctx.login_buckets set tokens = 0 where bucket = %s", [bucket])
    for peer, url, forwarded in (
        (f"{client_network}.2", engine.api_url, None),
        (f"{client_network}.3", proxied, None),
        (PROXY, proxied, f"203.0.113.9, {client_network}.4"),
    ):
        problem(tried(peer, url, forwarded), 429, "rate_limited")
    assert tried(PROXY, proxied, f"{client_network}.4, 203.0.113.10").status_code == 401
    # A proxy that is not declared has one address for all its clients: its network is not counted.
    assert tried(f"{client_network}.2", engine.api_url, "203.0.113.7").status_code == 401


def test_a_credential_over_its_limit_gets_a_retry_after(engine: Engine, proxied: str) -> None:
    org = tenant(engine)
    first, second = (org.new_company(name) for name in ("First", "Second"))
    with caller(engine, first.token, proxied) as client, caller(engine, second.token, proxied) as other:
        answers = [client.get("/v1/campaigns")]
        while answers[-1].status_code == 200 and len(answers) < 200:
            answers.append(client.get("/v1/campaigns"))
        assert len(answers) > 10
        assert [int(answer.headers["ratelimit-remaining"]) for answer in answers[:3]] == [9, 8, 7]
        assert {answer.headers["ratelimit-limit"] for answer in answers} == {"60"}
        problem(answers[-1], 429, "rate_limited")
        assert (answers[-1].headers["ratelimit-remaining"], answers[-1].headers["retry-after"]) == ("0", "1")
        assert other.get("/v1/campaigns").status_code == 200
        time.sleep(1.01)
        assert client.get("/v1/campaigns").status_code == 200
