"""Access tokens that must never be taken, made from a real one: the table, and who asks with them."""

import base64
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from api.access.access_tokens import REQUIRED, _private_key
from api.access.vault import BASE62, TOKEN_PREFIXES
from api.settings import parse_keys
from tests.engine import Engine
from tests.prove.http.ground import Ground

Json = dict[str, Any]
ROUTES = ("/v1/campaigns", "/partner/v1/companies", "/v1/auth/me", "/platform/v1/organizations")


def b64(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def part(value: Any) -> str:
    """Return a part of a token."""
    return b64(json.dumps(value).encode())


def es256(key: ec.EllipticCurvePrivateKey, text: str) -> bytes:
    """Return r and s as a JWS holds them."""
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Forge:
    """Makes hostile tokens. It has the engine's own key: what is refused is refused for what it says."""

    def __init__(self, engine: Engine, genuine: str, seed: int) -> None:
        settings = engine.folder.settings()
        self.kid, secret = next(iter(parse_keys(settings.signing_keys.get_secret_value()).items()))
        self.key = _private_key(secret)
        self.other = _private_key(hashlib.sha256(f"forged {seed}".encode()).digest())
        self.genuine = genuine
        header, claims, self.signature = genuine.split(".")
        self.header: Json = json.loads(base64.urlsafe_b64decode(header + "=="))
        self.claims: Json = json.loads(base64.urlsafe_b64decode(claims + "=="))
        self.rng = random.Random(seed)
        self.table = {
            **self._algorithms(), **self._claims(), **self._times(), **self._headers(), **self._signatures(),
            **self._shapes(), **self._flips(),
        }  # fmt: skip

    def made(
        self, header: Json | None = None, claims: Json | None = None, key: ec.EllipticCurvePrivateKey | None = None
    ) -> str:
        """Return a token with a good signature over what it says; a value of `...` takes a member away."""
        head = {name: value for name, value in {**self.header, **(header or {})}.items() if value is not ...}
        body = {name: value for name, value in {**self.claims, **(claims or {})}.items() if value is not ...}
        text = f"{part(head)}.{part(body)}"
        return f"{text}.{b64(es256(key or self.key, text))}"

    def _hmac(self, secret: bytes, alg: str = "HS256") -> str:
        text = f"{part({**self.header, 'alg': alg})}.{part(self.claims)}"
        return f"{text}.{b64(hmac.digest(secret, text.encode(), alg.replace('HS', 'sha')))}"

    def _algorithms(self) -> dict[str, str]:
        public = self.key.public_key()
        point = serialization.PublicFormat.UncompressedPoint
        info, x962 = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.Encoding.X962
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(public)
        secrets = {
            "the public key as PEM": public.public_bytes(serialization.Encoding.PEM, info),
            "the public key as DER": public.public_bytes(serialization.Encoding.DER, info),
            "the public point": public.public_bytes(x962, point), "the JWK": jwk.encode(), "the kid": self.kid.encode(),
            "nothing": b"",
        }  # fmt: skip
        made = {f"HS256 with {name}": self._hmac(secret) for name, secret in secrets.items()}
        made |= {f"{alg} with the public key": self._hmac(secrets["the public key as PEM"], alg) for alg in HMACS}
        body = part(self.claims)
        for alg in ("none", "None", "NONE", "nOnE", ""):
            made["alg none" if alg == "none" else f"alg {alg!r}, unsigned"] = (
                f"{part({'alg': alg, 'typ': 'JWT'})}.{body}."
            )
            made[f"alg {alg!r}, our signature"] = f"{part({**self.header, 'alg': alg})}.{body}.{self.signature}"
        for alg in ("ES384", "ES256K", "RS256", "PS256", "EdDSA", "es256", None, 256, ["ES256"]):
            made[f"alg {alg}"] = self.made({"alg": alg})
        return {**made, "no alg": self.made({"alg": ...})}

    def _claims(self) -> dict[str, str]:
        made = {f"without {name}": self.made(claims={name: ...}) for name in REQUIRED}
        made |= {f"{name} null": self.made(claims={name: None}) for name in REQUIRED}
        wrong: dict[str, list[Any]] = {
            "aud": ["authenticated", "", "OUTBOUND", ["outbound"], ["outbound", "else"], {"outbound": 1}, 1],
            "iss": ["https://evil.example", "", self.claims["iss"] + "/", [self.claims["iss"]]],
            "token_use": ["refresh", "id", "", "ACCESS", ["access"], True],
            "role": ["dashboard_org", "postgres", "service_role", "outbound_owner", "anon", ["dashboard_company"]],
            "sid": ["", "x", 1, "00000000-0000-0000-0000-000000000000", self.claims["org_id"], self.claims["sub"]],
            "sub": ["", "x", 1], "org_id": ["", "x", 1], "company_id": ["x", 1, "", ...],
        }  # fmt: skip
        for name, values in wrong.items():
            for value in values:
                shown = "left out" if value is ... else json.dumps(value)
                made[f"{name} {shown}"] = self.made(claims={name: value})
        raised = {"company_id": ..., "role": "dashboard_org", "user_role": "org_admin"}
        return {**made, "raised to the organization": self.made(claims=raised)}

    def _times(self) -> dict[str, str]:
        now = int(time.time())
        made: dict[str, Json] = {
            "expired": {"iat": now - 700, "exp": now - 100}, "expired long ago": {"iat": 1, "exp": 601},
            "exp too far": {"iat": now, "exp": now + 3700}, "exp in a hundred years": {"exp": now + 3_200_000_000},
            "exp before iat": {"iat": now, "exp": now - 1}, "exp is iat": {"iat": now - 60, "exp": now - 60},
            "exp a text": {"exp": "never"}, "exp a list": {"exp": [now + 60]}, "exp negative": {"exp": -1},
            "exp endless": {"exp": float("inf")}, "exp no number": {"exp": float("nan")}, "exp huge": {"exp": 10**30},
            "exp true": {"exp": True}, "iat in an hour": {"iat": now + 3600, "exp": now + 4200},
            "iat a text": {"iat": "now"}, "iat no number": {"iat": float("nan")}, "nbf in an hour": {"nbf": now + 3600},
            "nbf a text": {"nbf": "x"},
        }  # fmt: skip
        return {name: self.made(claims=claims) for name, claims in made.items()}

    def _headers(self) -> dict[str, str]:
        jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.other.public_key()))
        made = {
            f"kid {json.dumps(kid)}": self.made({"kid": kid})
            for kid in ("", "s2", "../../etc/passwd", "/dev/null", "s1\0", "' or 1=1--", None, 1, ["s1"], {"s1": 1})
        }
        carried: dict[str, Any] = {
            "jwk": jwk, "jku": "http://127.0.0.1:1/jwks.json", "x5u": "http://127.0.0.1:1/x.pem",
            "x5c": [b64(b"x" * 64)],
        }  # fmt: skip
        for name, value in carried.items():
            made[f"{name} of the forger"] = self.made({name: value}, key=self.other)
            made[f"{name} of the forger, no kid"] = self.made({name: value, "kid": ...}, key=self.other)
        made["kid unknown, own key"] = self.made({"kid": "forged"}, key=self.other)
        made["another key, our kid"] = self.made(key=self.other)
        made["no kid"] = self.made({"kid": ...})
        made["crit unknown"] = self.made({"crit": ["urn:nobody:knows"], "urn:nobody:knows": 1})
        made["crit empty"] = self.made({"crit": []})
        made["crit b64"] = self.made({"crit": ["b64"], "b64": False})
        made["b64 false"] = self.made({"b64": False})
        head = part({**self.header, "b64": False, "crit": ["b64"]})
        plain = json.dumps({**self.claims, "iss": self.claims["iss"].replace(".", "%2e")})
        return {**made, "b64 false, plain payload": f"{head}.{plain}.{b64(es256(self.key, f'{head}.{plain}'))}"}

    def _signatures(self) -> dict[str, str]:
        text = self.genuine.rpartition(".")[0]
        raw = base64.urlsafe_b64decode(self.signature + "==")
        changed = {
            "zero": bytes(64), "empty": b"", "one byte": b"\0", "cut": raw[:-1], "longer": raw + b"\0",
            "r alone": raw[:32] + bytes(32), "s alone": bytes(32) + raw[32:], "swapped": raw[32:] + raw[:32],
            "of ones": b"\xff" * 64, "DER": self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())),
            "the curve's order": bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551") * 2,
        }  # fmt: skip
        made = {f"signature {name}": f"{text}.{b64(value)}" for name, value in changed.items()}
        other_claims = part({**self.claims, "jti": "another"})
        made["signature of other claims"] = f"{text.split('.')[0]}.{other_claims}.{self.signature}"
        return made

    def _shapes(self) -> dict[str, str]:
        head, body, signature = self.genuine.split(".")
        return {
            "two parts": f"{head}.{body}", "four parts": f"{self.genuine}.x", "empty parts": "..",
            "no claims": f"{head}..{signature}",
            "a list of claims": self._of(part([1])), "a text for claims": self._of(part("x")),
            "no JSON": self._of(b64(b"{")), "not base64": f"{head}.*.{signature}", "deep": self._of(b64(b"[" * 3000)),
            "five parts, as if encrypted": f"{head}.{body}.{signature}.{body}.{signature}",
            "header a list": f"{part([])}.{body}.{signature}", "header null": f"{part(None)}.{body}.{signature}",
            "claims twice": f"{head}.{body}{body}.{signature}",
        }  # fmt: skip

    def _of(self, body: str) -> str:
        text = f"{part(self.header)}.{body}"
        return f"{text}.{b64(es256(self.key, text))}"

    def _flips(self) -> dict[str, str]:
        made = {}
        for number in range(24):
            place = self.rng.randrange(len(self.genuine) - 1)
            letter = self.genuine[place]
            # The highest bit of six: the last ones of a part stand for nothing.
            swapped = ALPHABET[ALPHABET.index(letter) ^ 32] if letter in ALPHABET else "A"
            made[f"flip {number}"] = self.genuine[:place] + swapped + self.genuine[place + 1 :]
        return made


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
HMACS = ("HS384", "HS512")


def hostile(ground: Ground, forge: Forge, table: dict[str, str], failures: list[str]) -> int:
    """Ask with every hostile token everywhere; return how often. 401, or 404 where a tier has nothing at all."""
    requests = 0
    hidden = {"/partner/v1/companies", "/platform/v1/organizations"}
    with ground.engine.client() as client:
        for name, token in table.items():
            for path in ROUTES:
                try:
                    value = f"Bearer {token}".encode("latin-1")
                except UnicodeEncodeError:
                    value = f"Bearer {token}".encode()
                answer = client.get(path, headers={"Authorization": value})
                requests += 1
                right = answer.status_code == 401 or (path in hidden and answer.status_code == 404)
                if not right or ground.victim.mark in answer.text:
                    failures.append(f"hostile token `{name}` at GET {path}: {answer.status_code} {answer.text[:200]}")
    return requests


def control(ground: Ground, forge: Forge, failures: list[str]) -> int:
    """Ask with the genuine token and two that are signed alike: they must be taken, or a refusal means nothing."""
    kept: list[Callable[[], str]] = [lambda: forge.genuine, forge.made, lambda: forge.made({"typ": "at+jwt"})]
    requests = 0
    for token in kept:
        with ground.engine.client(token()) as client:
            for path in ("/v1/campaigns", "/v1/auth/me"):
                requests += 1
                answer = client.get(path)
                if answer.status_code != 200:
                    failures.append(
                        f"control: a genuine session at GET {path}: {answer.status_code} {answer.text[:200]}"
                    )
    return requests


def guesses(ground: Ground, rng: random.Random, amount: int, over_http: int, failures: list[str]) -> int:
    """Try strings that look like API tokens; the form alone must refuse them, before any query."""
    prefixes = list(TOKEN_PREFIXES.values())
    tried = [rng.choice(prefixes) + "".join(rng.choices(BASE62, k=38)) for _ in range(amount)]
    passed = [token for token in tried if ground.engine.vault.token_tier(token) is not None]
    if passed:
        failures.append(f"{len(passed)} of {amount} guesses were looked up in the database: {passed[:3]}")
    with ground.engine.client() as client:
        for token in tried[:over_http]:
            answer = client.get("/v1/campaigns", headers={"Authorization": f"Bearer {token}"})
            if answer.status_code != 401:
                failures.append(f"the guess {token} at GET /v1/campaigns: {answer.status_code}")
    return amount
