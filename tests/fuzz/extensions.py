"""What the fuzzer has to know: formats of ours, what it must leave alone, and which refusals are right."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse

# Refusals of requests that are in order by themselves: what they name or repeat does not stand as they say.
STATE = {
    "invalid_cursor", "idempotency_key_reused", "unknown_reference", "link_not_valid", "scope_beyond_role",
    "credential_refused", "provider_not_available", "provider_unknown", "precondition_failed",
    "step_type_not_supported",
}  # fmt: skip
# Rules between two fields, within a text or about the time; JSON Schema has no words for them, the descriptions have.
BETWEEN = {"metadata_too_large", "unknown_variable", "first_subject_missing", "empty_window"}
BETWEEN |= {"datetime_past", "datetime_range", "second_invitation"}
STATE |= {"header_missing", "email_column_missing"}  # of a CSV, whose schema is a text
ADD_LEADS = "POST /v1/campaigns/{campaign_id}/leads"
PROTECTED = set(os.environ.get("OUTBOUND_FUZZ_PROTECTED", "").split(",")) - {""}
PAIR = os.environ.get("OUTBOUND_FUZZ_PAIR", "")  # "document-credential"
# The company's document tells an organization's credential what is missing only in its answer.
ALSO = {"company_id_required", "missing"} if PAIR == "company-org" else set[str]()
KEY = "Idempotency-Key"
ASIDE = os.environ.get("OUTBOUND_FUZZ_ASIDE")

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=20)
ADDRESSES = st.builds(lambda name, domain: f"{name}@{domain}.example.com", NAMES, NAMES)
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


def _csv(rows: list[tuple[str, str]]) -> str:
    quoted = (f'{address},"{cell.replace(chr(34), chr(34) * 2)}"\n' for address, cell in rows)
    return "email,first_name\n" + "".join(quoted)


def _ndjson(rows: list[tuple[str, str]]) -> str:
    return "".join(json.dumps({"email": address, "first_name": cell}) + "\n" for address, cell in rows)


ROWS = st.lists(st.tuples(ADDRESSES, CELLS), max_size=5)
schemathesis.openapi.format("iana-timezone", st.sampled_from(sorted(available_timezones())))
schemathesis.openapi.format("email", ADDRESSES)
schemathesis.openapi.format("csv", ROWS.map(_csv))
schemathesis.openapi.format("ndjson", ROWS.map(_ndjson))


@schemathesis.serializer("text/csv", "application/x-ndjson")
def as_it_is(_: Any, value: Any) -> bytes:
    """Send a text as it is, and anything else as its text."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.hook
def filter_case(_: Any, case: Any) -> bool:
    """Keep the credential that the run itself uses, and the company it plays in."""
    return case.method == "GET" or not PROTECTED & set(map(str, (case.path_parameters or {}).values()))


@schemathesis.hook
def before_call(_: Any, case: Any, **__: Any) -> None:
    """Give different requests different keys: almost all of them would be refused since theirs was used before."""
    key = (case.headers or {}).get(KEY)
    positive = case.meta is None or case.meta.generation.mode.is_positive
    if positive and isinstance(key, str) and re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        wanted = repr((key, case.method, case.formatted_path, case.query, case.media_type, case.body))
        case.headers[KEY] = hashlib.sha256(wanted.encode("utf-8", "replace")).hexdigest()


@schemathesis.hook
def filter_failure(_: Any, failure: Any, case: Any, response: Any) -> bool:
    """Set aside the refusals that are right; say how many of each there were."""
    reason = None
    if isinstance(failure, RejectedPositiveData):
        reason = _right_refusal(case, response)
    elif isinstance(failure, AcceptedNegativeData) and response.status_code == 413:
        reason = "too_large"  # what is too large is not looked at
    elif isinstance(failure, AcceptedNegativeData) and case.operation.label == ADD_LEADS:
        reason = _refused_by_row(response)
    elif PAIR == "partner-company":
        reason = _not_for_companies(failure, case, response)
    if reason is not None and ASIDE:
        with Path(ASIDE).open("a") as file:
            file.write(f"{reason}\n")
    return reason is None


def _right_refusal(case: Any, response: Any) -> str | None:
    document = response.json()
    # Which role fits depends, once a user exists, on the level they are on.
    stands = {"role_mismatch"} if case.method == "PATCH" else set[str]()
    if document["code"] in STATE | ALSO | stands:
        return str(document["code"])
    if document["code"] == "company_id_required" and not (case.query or {}).get("company_id"):
        return "company_id_required"  # what follows from an answer need not name what the document requires
    codes = {item["code"] for item in document.get("errors", [])}
    return min(codes) if codes and codes <= BETWEEN | ALSO else None


def _not_for_companies(failure: Any, case: Any, response: Any) -> str | None:
    """To a company there is nothing under /partner, whatever the method; and it need not say which company it is."""
    if isinstance(failure, UnsupportedMethodResponse) and case.path.startswith("/partner/"):
        return "hidden_from_companies" if response.status_code == 404 else None
    if not isinstance(failure, AcceptedNegativeData) or not case.path.startswith("/v1/"):
        return None
    given = case.body if case.method == "POST" else case.query
    unnamed = not isinstance(given, dict) or given.get("company_id") is None
    return "company_implied" if unnamed else None


def _refused_by_row(response: Any) -> str | None:
    """Every row is judged by itself: a bad one is answered `invalid`, in an answer that is a success."""
    return "row_invalid" if response.status_code == 200 and response.json()["counts"]["invalid"] else None
