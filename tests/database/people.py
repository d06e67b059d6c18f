"""People with passwords, and the doors they come in by: each knocked at as the API does, as the public login role."""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from tests.database.catalog import value
from tests.database.tenants import TICKETS, Company, Conn, Outcome, Place, attempt, put, ticket

HASH = "$argon2id$v=19$a-stored-hash"
DOOR = {
    "login": "select * from ctx.begin_login(%s)",
    "session-new": "select * from ctx.finish_login(%s)",
    "refresh": "select * from ctx.refresh_session(%s)",
    "link": "select ctx.use_link(%s) as used",
    "used": "select ctx.note_used(%s)",
}
OPEN = "select org_id, company_id, user_id, credential_id, tier, kind, role, scopes from ctx.open(%s)"


@dataclass(frozen=True)
class Person:
    """A user with an address; `company_id` is None for one of the organization's own."""

    org_id: UUID
    company_id: UUID | None
    id: UUID
    slug: str
    email: str

    @property
    def level(self) -> str:
        """The login role that this person's session opens a context for."""
        return "company" if self.company_id else "org"


def subject(document: object) -> str:
    """Return a ticket's subject for a door that takes a document."""
    return base64.b64encode(json.dumps(document).encode()).decode()


def knock(conn: Conn, kind: str, document: object, *, keep: bool = True) -> Outcome:
    """Show a document at its door and return how it ended."""
    return attempt(conn, DOOR[kind], [TICKETS.sign_document(kind, document)], keep=keep)


def answer(conn: Conn, kind: str, document: object) -> dict[str, Any]:
    """Show a document at its door and return the one row, by column."""
    cursor = conn.cursor(row_factory=dict_row)
    row = cursor.execute(DOOR[kind], [TICKETS.sign_document(kind, document)]).fetchone()  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    assert row is not None
    return row


def new_person(
    admin: Conn, company: Company, *, level: str = "company", email: str | None = None, status: str = "active"
) -> Person:
    """Make a person of a company, or of its organization; an invited one has no password yet."""
    email, company_id = email or f"{secrets.token_hex(5)}@person.example", company.id if level == "company" else None
    made = put(admin, "users", {
        "org_id": company.org_id, "company_id": company_id, "kind": "person", "name": "Jo", "email": email,
        "role": f"{level}_admin", "status": status, "password_hash": None if status == "invited" else HASH,
    })  # fmt: skip
    slug = value(admin, "select slug from outbound.organizations where id = %s", [company.org_id])
    return Person(company.org_id, company_id, made, slug, email)


def login_request(person: Person, **changed: Any) -> dict[str, Any]:
    """Return what the API asks at a login; the address is fresh unless given."""
    return {
        "slug": person.slug, "email": person.email, "address": secrets.token_hex(16), "known_device": False, **changed,
    }  # fmt: skip


def bucket_of(wanted: dict[str, Any], kind: str = "account") -> str:
    """Return where an account's tries are counted: by its slug and its address in our spelling."""
    named = f"{wanted['slug']}\n{wanted['email'].strip().lower()}"
    return f"{kind}:{hashlib.sha256(named.encode()).hexdigest()}"


def session_request(person: Person, token: bytes, **changed: Any) -> dict[str, Any]:
    """Return what the API asks once it has verified a password."""
    return {
        "org_id": str(person.org_id), "user_id": str(person.id), "password_hash": HASH, "rehash": None,
        "slug": person.slug, "email": person.email, "refresh_hmac": token.hex(), "user_agent": "tests",
        "address": "127.0.0.1",
        **changed,
    }  # fmt: skip


def log_in(public: Conn, person: Person) -> tuple[UUID, bytes]:
    """Open a session and return its id and its first refresh token."""
    token = secrets.token_bytes(32)
    return answer(public, "session-new", session_request(person, token))["session_id"], token


def child_of(token: bytes) -> bytes:
    """Return the one child of a refresh token, always the same, as the API derives it."""
    return hashlib.sha256(b"child of " + token).digest()


def refresh(public: Conn, token: bytes, child: bytes | None = None) -> str:
    """Exchange a refresh token and return what happened."""
    wanted = {"hmac": token.hex(), "child_hmac": (child or child_of(token)).hex()}
    return str(answer(public, "refresh", wanted)["outcome"])


def session_subject(session_id: UUID) -> str:
    """Return what a session's ticket names."""
    return hashlib.sha256(f"session:{session_id}".encode()).hexdigest()


def opens(place: Place, level: str, kind: str, named: str) -> bool:
    """Return whether a credential opens a context, refused with 28000 if not."""
    with place.role(level) as conn:
        outcome = attempt(conn, "select ctx.open(%s)", [ticket(kind, named)])
    assert outcome.sqlstate in (None, "28000"), outcome
    return outcome.sqlstate is None


def new_token(admin: Conn, person: Person, **values: Any) -> tuple[UUID, str]:
    """Make a token of a person's and return its id and what a ticket names it by."""
    digest = secrets.token_bytes(32)
    made = put(admin, "api_tokens", {
        "org_id": person.org_id, "company_id": person.company_id, "user_id": person.id, "tier": person.level,
        "hmac": digest, "last_four": "abcd", **values,
    })  # fmt: skip
    return made, digest.hex()


@contextmanager
def nothing_left_open(conn: Conn) -> Iterator[None]:
    """A transaction in which a door is used and which must end without a context."""
    with conn.transaction():
        yield
        assert value(conn, "select ctx.org_id()") is None
        assert value(conn, "select current_setting('app.signature', true)") in (None, "")
