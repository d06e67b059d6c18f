"""Access tokens: what we sign we accept, and of what others make up, nothing."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from api.access.access_tokens import ACCESS_SECONDS, LEEWAY, LONGEST_LIFE, REQUIRED, Session, Signer, believed
from api.db.ticket import Tickets
from api.settings import generate_key, parse_keys

ISSUER = "https://api.example.com"
OLD, NEW = generate_key("s1"), generate_key("s2")
TICKETS = Tickets(parse_keys(generate_key("t1")))
ES256 = ECAlgorithm(ECAlgorithm.SHA256)
PERSON = Session(uuid4(), uuid4(), uuid4(), uuid4(), "company_admin")
PARTNER = Session(uuid4(), uuid4(), None, uuid4(), "org_admin")
Claims = dict[str, Any]


def signer(keys: str = OLD, **options: Any) -> Signer:
    return Signer(parse_keys(keys), **{"issuer": ISSUER, "tickets": TICKETS, **options})


def key_of(made: Signer) -> ec.EllipticCurvePrivateKey:
    return next(iter(made._keys.values()))


def claims_of(token: str) -> Claims:
    return jwt.decode(token, options={"verify_signature": False})


def part(document: Claims) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def signed(claims: Claims, header: Claims | None = None, by: Signer | None = None) -> str:
    """Sign any claims under any header with a key, ours unless another is given. No library forbids it."""
    text = f"{part({'alg': 'ES256', 'typ': 'JWT', 'kid': 's1', **(header or {})})}.{part(claims)}"
    signature = ES256.sign(text.encode(), key_of(by or KNOWN))
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


KNOWN = signer()


def good() -> Claims:
    """Return what is believed now: a token that was made when this was read would have ended meanwhile."""
    return claims_of(KNOWN.sign(PERSON))


@pytest.mark.parametrize("session", [PERSON, PARTNER], ids=["company", "organization"])
def test_what_we_sign_we_read_back(session: Session) -> None:
    token = KNOWN.sign(session)
    assert KNOWN.verify(token) == KNOWN.verify(token) == session
    claims = claims_of(token)
    company = {"company_id"} if session.company_id else set()
    assert set(claims) == set(REQUIRED) | company
    assert claims["exp"] - claims["iat"] == ACCESS_SECONDS == 600
    assert claims["role"] == f"dashboard_{session.tier}"


def test_two_tokens_of_one_session_differ() -> None:
    first, second = (claims_of(KNOWN.sign(PERSON)) for _ in range(2))
    assert first["jti"] != second["jti"]
    assert first["sid"] == second["sid"]


def test_a_new_key_signs_and_the_old_one_is_still_believed() -> None:
    both = signer(f"{NEW},{OLD}")
    assert both.verify(KNOWN.sign(PERSON)) == PERSON
    assert jwt.get_unverified_header(both.sign(PERSON))["kid"] == "s2"
    assert KNOWN.verify(both.sign(PERSON)) is None
    assert [key["kid"] for key in both.jwks()["keys"]] == ["s2", "s1"]


def test_the_published_keys_verify_and_contain_no_secret() -> None:
    (published,) = KNOWN.jwks()["keys"]
    assert set(published) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    key = jwt.PyJWK(published)
    assert jwt.decode(KNOWN.sign(PERSON), key, algorithms=["ES256"], audience="outbound")["iss"] == ISSUER


def test_what_the_database_believes_of_a_token_is_signed_with_a_ticket_key() -> None:
    claims = good()
    assert claims["scope"] == "conversations:read dashboards:read"
    assert claims["ctx"] == believed(TICKETS, claims)
    for name in ("sid", "role", "iat", "exp", "iss", "scope"):
        assert believed(TICKETS, {**claims, name: "another"}) != claims["ctx"]
    assert claims["ctx"].split(":")[0] == "t1"


def test_scopes_and_seconds_narrow_a_token_for_dashboards() -> None:
    claims = claims_of(KNOWN.sign(PERSON, scopes=("dashboards:read", "leads:read"), seconds=30))
    assert (claims["scope"], claims["exp"] - claims["iat"]) == ("dashboards:read", 30)
    assert claims_of(KNOWN.sign(PERSON, scopes=("leads:read",)))["scope"] == ""


def without(name: str) -> Callable[[Claims], str]:
    return lambda claims: signed({key: value for key, value in claims.items() if key != name})


def changed(**changes: Any) -> Callable[[Claims], str]:
    return lambda claims: signed({**claims, **changes})


def confused(claims: Claims) -> str:
    """Sign with HS256, the public key as the secret."""
    x, y = (KNOWN.jwks()["keys"][0][name] for name in ("x", "y"))
    return jwt.encode(claims, f"{x}{y}", algorithm="HS256", headers={"kid": "s1"})


def with_own_key(claims: Claims) -> str:
    """Bring a key along in the header."""
    other = signer(NEW)
    return signed(claims, {"jwk": other.jwks()["keys"][0]}, by=other)


def unsigned(claims: Claims) -> str:
    return f"{part({'alg': 'none', 'kid': 's1'})}.{part(claims)}."


def later(**seconds: int) -> Callable[[Claims], str]:
    """Sign with moments counted from now: the tests run long after they were collected."""
    return lambda claims: signed(claims | {name: int(time.time()) + given for name, given in seconds.items()})


HOSTILE: dict[str, Callable[[Claims], str]] = {
    **{f"no {name}": without(name) for name in REQUIRED},
    "other audience": changed(aud="somebody"),
    "audience in a list": changed(aud=["outbound", "somebody"]),
    "other issuer": changed(iss="https://api.example.com.evil.example"),
    "part of the issuer": changed(iss="https://api.example"),
    "issuers in a list": changed(iss=[ISSUER]),
    "expired": later(iat=-700, exp=-LEEWAY - 1),
    "lives thirty years": later(exp=30 * 365 * 86400),
    "lives longer than an hour": later(iat=0, exp=LONGEST_LIFE + 1),
    "ends before it begins": later(iat=3, exp=2),
    "issued in the future": later(iat=300, exp=900),
    "not valid yet": later(nbf=300),
    "other use": changed(token_use="refresh"),
    "no use": changed(token_use=None),
    "service role": changed(role="service_role"),
    "the other level's role": changed(role="dashboard_org"),
    "company taken out": lambda c: signed({k: v for k, v in c.items() if k != "company_id"}),
    "company that is no id": changed(company_id="every"),
    "subject that is no id": changed(sub="admin"),
    "session that is no id": changed(sid="'; select 1"),
    "organization that is a number": changed(org_id=7),
    "end that is a word": changed(exp="tomorrow"),
    "unknown key": lambda c: signed(c, {"kid": "s9"}),
    "no key id": lambda c: signed(c, {"kid": None}),
    "key id that is a path": lambda c: signed(c, {"kid": "../../dev/null"}),
    "another's key under our id": lambda c: signed(c, by=signer(NEW)),
    "a key of its own": with_own_key,
    "a key's address": lambda c: signed(c, {"jku": "https://evil.example/jwks.json"}, by=signer(NEW)),
    "unknown critical header": lambda c: signed(c, {"crit": ["exotic"], "exotic": True}),
    "public key as a secret": confused,
    "unsigned": unsigned,
    "signature cut": lambda c: signed(c)[:-4],
    "signature missing": lambda c: signed(c).rpartition(".")[0] + ".",
    "one part more": lambda c: signed(c) + ".AAAA",
    "nothing": lambda c: "..",
    "no letters": lambda c: "\0.\0.\0",
}


def test_what_the_other_tests_sign_by_hand_would_be_believed() -> None:
    assert KNOWN.verify(signed(good())) == PERSON


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_else_is_believed(name: str) -> None:
    token = HOSTILE[name](good())
    assert KNOWN.verify(token) is None
    assert KNOWN.verify(token) is None


def test_a_bit_flipped_anywhere_is_refused() -> None:
    token = KNOWN.sign(PERSON)
    assert KNOWN.verify(token) == PERSON
    header, body, signature = token.split(".")
    for place, (index, text) in ((p, t) for p in range(0, 60, 7) for t in enumerate((header, body, signature))):
        at = place % (len(text) - 1)
        other = "A" if text[at] != "A" else "B"
        pieces = [header, body, signature]
        pieces[index] = text[:at] + other + text[at + 1 :]
        assert KNOWN.verify(".".join(pieces)) is None


def test_a_token_that_was_believed_once_still_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    token = KNOWN.sign(PERSON)
    assert KNOWN.verify(token) == PERSON
    clock = time.time
    for seconds, holds in ((ACCESS_SECONDS - 1, True), (ACCESS_SECONDS + LEEWAY + 1, False)):
        monkeypatch.setattr(time, "time", lambda seconds=seconds: clock() + seconds)
        assert (KNOWN.verify(token) == PERSON) is holds


def test_one_session_has_one_name_in_the_database() -> None:
    assert PERSON.hmac == Session(PERSON.session_id, uuid4(), None, uuid4(), "org_member").hmac
    assert PERSON.hmac != PARTNER.hmac
    assert len(bytes.fromhex(PERSON.hmac)) == 32
