"""What the Smartlead client makes of failures, against a server that fails as it is told to."""

import json
import threading
import time as clock
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from providers.contract import ProviderClient
from providers.errors import CredentialRefused, Passing, ProviderError, Refused, Uncertain
from providers.models import LeadToAdd, Schedule, Step
from providers.smartlead import SMARTLEAD
from tests.engine import free_port
from tests.support.clients import call

KEY = "a-key-that-belongs-in-no-log"
Verb = Callable[[ProviderClient], Awaitable[Any]]
LEAD = LeadToAdd(uuid4(), "a@b.example", "Ana")
READS: dict[str, Verb] = {
    "verify": lambda c: c.account.verify(),
    "list_senders": lambda c: c.account.list_senders(),
    "find_campaign": lambda c: c.campaigns.find("obx-1"),
    "find_leads": lambda c: c.leads.find_all("1", ["a@b.example"], datetime.now(UTC)),
    "find_lead": lambda c: c.leads.find("1", "a@b.example"),
}
REPEATABLE: dict[str, Verb] = {
    "put_name": lambda c: c.campaigns.put_name("1", "n", "m"),
    "put_sequence": lambda c: c.campaigns.put_sequence("1", [Step(1, 0, "s", "b")]),
    "put_schedule": lambda c: c.campaigns.put_schedule("1", Schedule("UTC", [1], time(9), time(17), 10, 100)),
    "put_senders": lambda c: c.campaigns.put_senders("1", ["5"]),
    "set_active": lambda c: c.campaigns.set_active("1", True),
    "stop_lead": lambda c: c.leads.stop("1", "2", for_good=True),
}
UNREPEATABLE: dict[str, Verb] = {
    "create_campaign": lambda c: c.campaigns.create("n", "m", []),
    "add_leads": lambda c: c.leads.add("1", [LEAD]),
}
ALL = {**READS, **REPEATABLE, **UNREPEATABLE}


class Scripted:
    """A server that gives every request the same answer and remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, b"", dict[str, str]()
        self.seconds = 0.0
        self.cut = False
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                script.answer(self)

            do_GET = do_POST = do_DELETE = do_PATCH = answer  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.asked.append((handler.command, handler.path, {k.lower(): v for k, v in handler.headers.items()}))
        clock.sleep(self.seconds)
        handler.send_response(self.status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(self.body) + (10 if self.cut else 0)))
        handler.end_headers()
        handler.wfile.write(self.body)
        handler.close_connection = self.cut

    def says(self, status: int, body: bytes | object = b"", **headers: str) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def one_server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


@pytest.fixture
def server(one_server: Scripted) -> Scripted:
    one_server.says(200)
    one_server.seconds, one_server.cut = 0.0, False
    one_server.asked.clear()
    return one_server


def ask(url: str, verb: Verb, *, timeout: float = 5.0) -> Any:
    return call(SMARTLEAD, KEY, url, verb, timeout=timeout)


def failure(url: str, verb: Verb, *, timeout: float = 5.0) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(url, verb, timeout=timeout)
    assert KEY not in f"{caught.value!s}{caught.value!r}"
    return caught.value


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"message": "Invalid API Key"}, CredentialRefused),
        (400, {"statusCode": 400, "error": "Bad Request", "message": '"x" is not allowed'}, Refused),
        (404, {"error": "Campaign not found - Invalid campaign_id."}, Refused),
        (404, b"<pre>Cannot POST /api/v1/x</pre>", Refused),
        (429, {"error": {"retry_after": 7}}, Passing),
        (302, b"", Refused),
    ],
)
def test_an_answer_below_500_had_no_effect(
    server: Scripted, name: str, status: int, body: object, kind: type[ProviderError]
) -> None:
    server.says(status, body, Location="/elsewhere")
    error = failure(server.url, ALL[name])
    assert type(error) is kind
    assert error.status == status
    assert error.permanent is issubclass(kind, Refused | CredentialRefused)
    assert len(server.asked) == 1


@pytest.mark.parametrize("name", UNREPEATABLE)
@pytest.mark.parametrize("status", [500, 503, 524])
def test_after_a_500_an_unrepeatable_change_is_uncertain(server: Scripted, name: str, status: int) -> None:
    server.says(status, b"<html>oops</html>")
    assert type(failure(server.url, ALL[name])) is Uncertain


@pytest.mark.parametrize("name", [*READS, *REPEATABLE])
@pytest.mark.parametrize("status", [500, 503, 524])
def test_after_a_500_a_read_or_a_repeatable_change_is_tried_again(server: Scripted, name: str, status: int) -> None:
    server.says(status, b"<html>oops</html>")
    assert type(failure(server.url, ALL[name])) is Passing


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("999999", 3600.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("\xb2", None),
        (".", None),
    ],
)
def test_a_retry_after_is_believed_within_reason(server: Scripted, header: str, seconds: float | None) -> None:
    server.says(429, {}, Retry_After=header)
    error = failure(server.url, ALL["add_leads"])
    assert (type(error), error.retry_after) == (Passing, seconds)


def test_the_providers_request_id_is_kept(server: Scripted) -> None:
    server.says(400, {}, X_Request_Id="r-1")
    assert failure(server.url, ALL["verify"]).request_id == "r-1"


@pytest.mark.parametrize("name", ALL)
def test_a_server_that_is_not_there_had_no_effect(name: str) -> None:
    assert type(failure(f"http://127.0.0.1:{free_port()}", ALL[name])) is Passing


@pytest.mark.parametrize("name", ["verify", "create_campaign", "add_leads", "put_name"])
def test_an_answer_that_comes_too_late_leaves_it_open(server: Scripted, name: str) -> None:
    server.says(200, {"ok": True, "id": 5})
    server.seconds = 0.4
    error = failure(server.url, ALL[name], timeout=0.15)
    assert type(error) is (Uncertain if name in UNREPEATABLE else Passing)


@pytest.mark.parametrize("name", ["verify", "create_campaign", "add_leads", "put_name"])
def test_an_answer_that_breaks_off_leaves_it_open(server: Scripted, name: str) -> None:
    server.says(200, {"ok": True, "id": 5})
    server.cut = True
    error = failure(server.url, ALL[name])
    assert type(error) is (Uncertain if name in UNREPEATABLE else Passing)


@pytest.mark.parametrize("name", ["verify", "create_campaign", "add_leads", "put_name"])
@pytest.mark.parametrize("body", [b'{"ok": true, "i', b"[1, 2", b"{", b"<html>", b"\xff\xfe\x00"])
def test_json_that_is_none_leaves_it_open(server: Scripted, name: str, body: bytes) -> None:
    server.says(200, body)
    error = failure(server.url, ALL[name])
    assert type(error) is (Uncertain if name in UNREPEATABLE else Passing)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'"success"', b"5", b'{"ok":true}', b'{"data":null}'])
def test_an_empty_200_means_that_nothing_is_there(server: Scripted, body: bytes) -> None:
    server.says(200, body)
    assert ask(server.url, READS["list_senders"]) == []
    assert ask(server.url, READS["find_campaign"]) is None
    assert ask(server.url, READS["find_leads"]) == {}
    assert ask(server.url, READS["find_lead"]) is None


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'"success"', b'{"ok":true}'])
def test_a_creation_without_an_id_is_uncertain(server: Scripted, body: bytes) -> None:
    server.says(200, body)
    assert type(failure(server.url, UNREPEATABLE["create_campaign"])) is Uncertain


@pytest.mark.parametrize("body", [b"success", b'"success"', b'{"ok":true}', b"", b'{"success":true}'])
def test_a_plain_success_is_a_success(server: Scripted, body: bytes) -> None:
    server.says(200, body)
    if body == b"success":
        server.headers["Content-Type"] = "text/plain"
    assert ask(server.url, REPEATABLE["stop_lead"]) is True
    assert ask(server.url, REPEATABLE["set_active"]) is None


@pytest.mark.parametrize("number", [7, "7"])
def test_a_number_may_come_as_text(server: Scripted, number: int | str) -> None:
    server.says(200, {"ok": True, "id": number})
    assert ask(server.url, UNREPEATABLE["create_campaign"]) == "7"
    server.says(200, [{"id": number, "name": "x [obx-1]"}])
    assert ask(server.url, READS["find_campaign"]) == "7"
    server.says(200, {"id": number, "lead_campaign_data": [{"campaign_id": "1" if number == 7 else 1}]})
    assert ask(server.url, READS["find_lead"]) == "7"
    server.says(200, {"total_leads": "1", "data": [{"lead": {"id": number, "email": "A@B.example"}}]})
    assert ask(server.url, READS["find_leads"]) == {"a@b.example": "7"}
    server.says(200, [{"id": number, "from_email": "m@x.example", "message_per_day": str(number)}])
    (sender,) = ask(server.url, READS["list_senders"])
    assert (sender.external_id, sender.daily_limit) == ("7", 7)


@pytest.mark.parametrize(
    "rows",
    [[{"name": "no id"}], [{"id": None, "name": None}], [{"id": {}}], [{"message_per_day": "²", "id": 1}], [[], 5]],
)
def test_rows_of_another_form_raise_nothing_but_provider_errors(server: Scripted, rows: list[Any]) -> None:
    server.says(200, rows)
    for name, verb in ALL.items():
        try:
            ask(server.url, verb)
        except ProviderError:
            continue
        except Exception as error:
            pytest.fail(f"{name} raised {error!r}")


def test_every_request_says_who_asks_and_carries_the_key_in_its_query(server: Scripted) -> None:
    server.says(200, {"ok": True, "id": 5})
    for verb in ALL.values():
        ask(server.url, verb)
    assert {method for method, _, _ in server.asked} >= {"GET", "POST"}
    for _, path, headers in server.asked:
        assert headers["user-agent"].startswith("outbound-engine/")
        assert "python" not in headers["user-agent"].lower()
        assert headers["accept"] == "application/json"
        parts = urlsplit(path)
        assert parts.path.startswith("/api/v1/")
        assert parse_qs(parts.query)["api_key"] == [KEY]
        assert "authorization" not in headers


def test_environment_proxies_are_not_used(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    server.says(200, [])
    assert ask(server.url, READS["verify"]) is None
