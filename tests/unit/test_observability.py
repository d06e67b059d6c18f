"""Nothing secret is written to a log, whatever way it came."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import structlog

from api.access.access_tokens import Session, Signer
from api.access.vault import LINK_PREFIX, REFRESH_PREFIX, Vault
from api.db.ticket import Tickets
from api.settings import generate_key, parse_keys
from api.telemetry.logs import SAFE_REQUEST_ID, RequestLog, configure_logging, redact

PROVIDER_KEY = "6f1c2f0a-9a53-4c07-8f0e-2d3b7a1e5c44_ab12cd3"
PASSWORD = "s3cr3t-w0rd"
VAULT = Vault(pepper=b"p" * 32, encryption_keys=parse_keys(generate_key()))
PATH_TOKEN = VAULT.new_path_token()
ORG_TOKEN, COMPANY_TOKEN = VAULT.new_token("org"), VAULT.new_token("company")
TICKETS = Tickets(parse_keys(generate_key("t1")))
TICKET = TICKETS.sign("token", "ab" * 32)
DOCUMENT_TICKET = TICKETS.sign_document("session-new", {"password_hash": "$argon2id$v=19$secret"})
JWT = Signer(parse_keys(generate_key("s1")), issuer="https://api.example", tickets=TICKETS).sign(
    Session(uuid4(), uuid4(), None, uuid4(), "org_admin")
)
OTHER_SECRETS = [
    VAULT.new_token("platform"), VAULT.new_secret(REFRESH_PREFIX), VAULT.new_secret(LINK_PREFIX),
    VAULT.child_of(VAULT.new_secret(REFRESH_PREFIX)), VAULT.new_secret("obx_dev_"),
]  # fmt: skip
SHAPES = [
    (f"GET https://server.example/api/v1/campaigns/?api_key={PROVIDER_KEY}", PROVIDER_KEY),
    (f"GET /api/v1/leads/?email=a%40b.co&api_key={PROVIDER_KEY}&limit=1", PROVIDER_KEY),
    (f"URL('http://x/?api_key={PROVIDER_KEY}')", PROVIDER_KEY),
    (f'{{"api_key": "{PROVIDER_KEY}"}}', PROVIDER_KEY),
    (f"{{'api_key': '{PROVIDER_KEY}'}}", PROVIDER_KEY),
    (f"{{'params': {{'api_key': '{PROVIDER_KEY}', 'limit': 1}}}}", PROVIDER_KEY),
    (f'{{\\"api_key\\": \\"{PROVIDER_KEY}\\"}}', PROVIDER_KEY),
    (f'{{"secret_key":"{PROVIDER_KEY}"}}', PROVIDER_KEY),
    (f"{{'secret_key': '{PROVIDER_KEY}'}}", PROVIDER_KEY),
    (f'{{"imap_password": "{PASSWORD}", "password": "{PASSWORD}"}}', PASSWORD),
    (f"password={PASSWORD}", PASSWORD),
    (f"POST /hooks/{PATH_TOKEN}", PATH_TOKEN),
    (f"http://127.0.0.1:8000/hooks/{PATH_TOKEN}?x=1", PATH_TOKEN),
    (f"{{'webhook_url': 'http://127.0.0.1/hooks/{PATH_TOKEN}'}}", PATH_TOKEN),
    (f"Authorization: Bearer {ORG_TOKEN}", ORG_TOKEN),
    (f"the token {COMPANY_TOKEN}.", COMPANY_TOKEN),
    (f"'{COMPANY_TOKEN}'", COMPANY_TOKEN),
    (f"Authorization: bearer {PASSWORD}", PASSWORD),
    (f"postgresql://outbound_org:{PASSWORD}@127.0.0.1:5432/postgres", PASSWORD),
    (f"postgres://outbound_org:{PASSWORD}@127.0.0.1/postgres", PASSWORD),
    (f"host=127.0.0.1 user=outbound_org password={PASSWORD} dbname=x", PASSWORD),
    (f"params {TICKET}", TICKET.rpartition(":")[2]),
    (f"{{'ticket': '{TICKET}'}}", TICKET.rpartition(":")[2]),
    (f"params {DOCUMENT_TICKET}", DOCUMENT_TICKET.rpartition(":")[2]),
    (f"params {DOCUMENT_TICKET}", DOCUMENT_TICKET.split(":")[3]),
    (f"Authorization: Bearer {JWT}", JWT),
    (f"the session {JWT}.", JWT.rpartition(".")[2]),
    (f'{{"access_token": "{JWT}"}}', JWT),
    *((f'{{"given": "{secret}"}}', secret) for secret in OTHER_SECRETS),
    *((f"it was {secret}.", secret) for secret in OTHER_SECRETS),
]


@pytest.mark.parametrize(("text", "secret"), SHAPES, ids=[str(number) for number in range(len(SHAPES))])
def test_every_shape_of_secret_is_taken_out(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "request method=GET path=/v1/campaigns status=200",
        "lead@example.com added to campaign 0198f0c2-7a51-7c3e-8b0e-5f0a3b1c2d4e",
        "postgresql://127.0.0.1:5432/postgres",
        "passwords of the login roles were set",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.fixture(params=["json", "console"])
def log_format(request: pytest.FixtureRequest) -> Iterator[str]:
    """Configure logging as a process does, and put everything back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield request.param
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def written(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


@pytest.mark.parametrize(("text", "secret"), SHAPES, ids=[str(number) for number in range(len(SHAPES))])
def test_no_secret_is_written_by_any_way(
    log_format: str, capsys: pytest.CaptureFixture[str], text: str, secret: str
) -> None:
    configure_logging(log_format)
    log = structlog.stdlib.get_logger("outbound.test")
    log.info("plain " + text)
    log.warning("as a value", value=text, nested={"inner": [text]})
    logging.getLogger("library").warning("interpolated %s", text)
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("raised")
        logging.getLogger("library").exception("raised too")
    lines = written(capsys)
    assert lines.count("raised") >= 2
    assert "Traceback" in lines
    assert secret not in lines


def test_a_secret_in_the_source_line_of_a_traceback_is_taken_out(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(log_format)
    try:
        raise RuntimeError("api_key=abc-in-the-message") from ValueError("Bearer abc-in-the-cause")
    except RuntimeError:
        structlog.stdlib.get_logger("outbound.test").exception("raised")
    lines = written(capsys)
    assert "RuntimeError" in lines
    assert "abc-in-the" not in lines


def test_a_line_of_json_is_json_whatever_is_in_it(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configure_logging("json")
    for text, _ in SHAPES:
        structlog.stdlib.get_logger("outbound.test").info(text, text=text, request_id="r")
    for line in written(capsys).splitlines():
        assert json.loads(line)["request_id"] == "r"


def test_http_libraries_do_not_log_addresses(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configure_logging(log_format)
    for name in ("httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(name).info("GET /hooks/secret?api_key=secret")
    assert written(capsys) == ""


def logged(path: str, capsys: pytest.CaptureFixture[str], *, fails: bool = False) -> list[dict[str, Any]]:
    """Return the lines that one request to an address leaves."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if fails:
            raise ValueError("no answer")
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def send(message: Any) -> None:
        assert (b"x-request-id", b"req-1") in message["headers"]

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"x-request-id", b"req-1")]}
    try:
        asyncio.run(RequestLog(app)(scope, receive, send))
    except ValueError:
        assert fails
    return [json.loads(line) for line in written(capsys).splitlines()]


def test_a_request_leaves_one_line_of_json_though_it_failed(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    configure_logging(log_format)
    for fails, status in ((False, 204), (True, 0)):
        (line,) = logged("/v1/campaigns/0198f0c2-7a51-7c3e-8b0e-5f0a3b1c2d4e", capsys, fails=fails)
        assert set(line) == {
            "event", "logger", "level", "method", "path", "status", "milliseconds", "request_id", "timestamp",
        }  # fmt: skip
        assert (line["event"], line["logger"], line["level"]) == ("request", "outbound.access", "info")
        assert (line["method"], line["path"]) == ("POST", "/v1/campaigns/0198f0c2-7a51-7c3e-8b0e-5f0a3b1c2d4e")
        assert (line["status"], line["request_id"]) == (status, "req-1")


@pytest.mark.parametrize(
    "secret",
    [PATH_TOKEN, ORG_TOKEN, JWT, *OTHER_SECRETS],
    ids=["path token", "org token", "access token", "platform token", "refresh token", "link", "child", "device"],
)
def test_no_secret_of_an_address_is_in_its_line(
    secret: str, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    configure_logging(log_format)
    place = "hooks" if secret == PATH_TOKEN else "v1/campaigns"
    for path in (f"/{place}/{secret}", f"/{place}/{secret}/more", f"/{place}/{secret}\n"):
        (line,) = logged(path, capsys)
        assert secret not in str(line)
        assert "redacted" in line["path"] or "[jwt]" in line["path"]


def test_the_access_log_can_be_turned_off(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configure_logging(log_format)
    access = logging.getLogger("outbound.access")
    access.setLevel(logging.WARNING)
    try:
        assert logged("/v1/campaigns", capsys) == []
    finally:
        access.setLevel(logging.NOTSET)


@pytest.mark.parametrize("text", ["a", "req_01.A-b", "x" * 64])
def test_a_safe_request_id_is_kept(text: str) -> None:
    assert SAFE_REQUEST_ID.fullmatch(text)


@pytest.mark.parametrize("text", ["", "a b", "a\n", "a\r\nb: c", "é", "x" * 65, "<script>"])
def test_an_unsafe_request_id_is_not(text: str) -> None:
    assert not SAFE_REQUEST_ID.fullmatch(text)
