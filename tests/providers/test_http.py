"""What `ProviderHttp` makes of each answer, and of none: one table for all providers."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from providers.contract import Access
from providers.errors import CredentialRefused, Passing, ProviderError, Refused, Uncertain
from providers.http import Answer, ProviderHttp, header_value

ACCOUNT = frozenset({402, 403})
URL = "http://provider.example"
Act = Callable[[ProviderHttp], Any]
ACTS: dict[str, Act] = {
    "read": lambda http: http.get("/a"),
    "change": lambda http: http.send("POST", "/a", body={"x": 1}),
    "put": lambda http: http.send("PUT", "/a", body={"x": 1}, repeatable=True),
}
LOST_ANSWER = {"read": Passing, "change": Uncertain, "put": Passing}  # what a lost answer is
EVERY_ACT = pytest.mark.parametrize("act", ACTS)


class Exchange:
    """The calls of the gate and of the provider."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.spacings: list[float] = []

    async def gate(self, spacing: float = 0.0) -> None:
        assert len(self.requests) == len(self.spacings)
        self.spacings.append(spacing)


def run(
    act: Act, answer: httpx.Response | Exception, *, exchange: Exchange | None = None, url: str = URL, **how: Any
) -> Answer:
    exchange = exchange or Exchange()

    def handle(request: httpx.Request) -> httpx.Response:
        exchange.requests.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def once() -> Answer:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as http:
            return await act(ProviderHttp(Access("key", url, 30.0, exchange.gate, http), **how))

    return asyncio.run(once())


def failure(act: str, answer: httpx.Response | Exception, **how: Any) -> ProviderError:
    exchange = Exchange()
    with pytest.raises(ProviderError) as caught:
        run(ACTS[act], answer, exchange=exchange, **how)
    assert len(exchange.requests) == len(exchange.spacings) == 1, "nothing is tried again here"
    return caught.value


def saying(status: int, shown: int | None = None) -> httpx.Response:
    return httpx.Response(status, json={} if shown is None else {"statusCode": shown})


@EVERY_ACT
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (saying(401), CredentialRefused), (saying(401, 402), CredentialRefused),
        (httpx.Response(401, text="<html>"), CredentialRefused),
        (saying(402, 402), CredentialRefused), (saying(403, 403), CredentialRefused),
        (saying(402), Refused), (saying(402, 403), Refused), (saying(403), Passing), (saying(403, 402), Passing),
        (httpx.Response(402, text="<html>"), Refused), (httpx.Response(403, text="error code: 1010"), Passing),
        (httpx.Response(402, text='{"a":' + "[" * 100_000), Refused), (httpx.Response(402, json=[402]), Refused),
        (saying(408), Passing), (saying(425), Passing), (saying(429), Passing), (saying(429, 429), Passing),
        (saying(400), Refused), (saying(404, 404), Refused), (saying(409), Refused), (saying(422), Refused),
        (saying(499), Refused), (httpx.Response(302, headers={"location": "/b"}), Refused), (saying(304), Refused),
    ],
)  # fmt: skip
def test_an_answer_below_500_is_known_to_have_done_nothing(
    act: str, answer: httpx.Response, kind: type[ProviderError]
) -> None:
    error = failure(act, answer, account_refusals=ACCOUNT)
    assert (type(error), error.status) == (kind, answer.status_code)
    assert error.permanent is issubclass(kind, Refused | CredentialRefused)
    assert str(error).endswith(f"/a: {answer.status_code}")


@pytest.mark.parametrize("status", [402, 403])
def test_only_what_a_provider_says_of_accounts_takes_one_away(status: int) -> None:
    assert type(failure("read", saying(status, status))) is (Refused if status == 402 else Passing)


@EVERY_ACT
@pytest.mark.parametrize("status", [500, 502, 503, 524])
def test_after_a_500_only_what_can_be_repeated_is(act: str, status: int) -> None:
    answer = httpx.Response(status, text="<html>oops</html>", headers={"retry-after": "7"})
    error = failure(act, answer, account_refusals=ACCOUNT)
    assert (type(error), error.status, error.retry_after) == (LOST_ANSWER[act], status, 7.0)
    assert not error.permanent


@EVERY_ACT
@pytest.mark.parametrize("body", [b'{"ok": true, "i', b"[1, 2", b"{", b"<html>", b"\xff\xfe\x00", b"[" * 100_000])
def test_a_broken_body_is_a_lost_answer(act: str, body: bytes) -> None:
    answer = httpx.Response(200, content=body, headers={"content-type": "application/json; charset=utf-8"})
    error = failure(act, answer)
    assert (type(error), error.status) == (LOST_ANSWER[act], 200)


@EVERY_ACT
@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (httpx.Response(200, json={"a": [1]}), {"a": [1]}),
        (httpx.Response(201, json=[]), []),
        (httpx.Response(204), None),
        (httpx.Response(200, content=b" \n", headers={"content-type": "application/json"}), None),
        (httpx.Response(200, text="success"), None),
        (httpx.Response(200, text="[" * 100_000), None),
        (httpx.Response(202, text="5"), 5),
    ],
)
def test_an_answer_is_read_as_far_as_it_is_json(act: str, answer: httpx.Response, body: object) -> None:
    assert run(ACTS[act], answer) == Answer(answer.status_code, body, answer.text)


LOST = [httpx.ReadError, httpx.WriteError, httpx.ReadTimeout, httpx.WriteTimeout, httpx.RemoteProtocolError]


@EVERY_ACT
@pytest.mark.parametrize("error", [*LOST, httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_what_never_left_had_no_effect_and_what_did_may_have(act: str, error: type[httpx.TransportError]) -> None:
    found = failure(act, error("http://provider.example/a?api_key=secret"))
    assert type(found) is (LOST_ANSWER[act] if error in LOST else Passing)
    assert (found.status, found.retry_after) == (None, None)
    assert "secret" not in f"{found!s}{found!r}"
    assert error.__name__ in str(found)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *(("7", 7.0), ("0.5", 0.5), ("0", 0.0), ("3600", 3600.0), ("999999", 3600.0)),
        *(("", None), ("soon", None), ("-1", None), ("\xb2", None), (".", None), ("1.2.3", None), ("٣", None)),
    ],
)
def test_a_retry_after_is_believed_within_reason(header: str, seconds: float | None) -> None:
    error = failure("change", httpx.Response(429, headers={"retry-after": header.encode()}))
    assert (type(error), error.retry_after) == (Passing, seconds)


def test_what_is_known_of_a_failure_is_reported() -> None:
    error = failure("read", httpx.Response(400, headers={"x-request-id": "r-1"}))
    assert (error.status, error.request_id, error.retry_after) == (400, "r-1", None)


def test_a_request_brings_all_that_it_is_given_after_the_gate() -> None:
    exchange, given = Exchange(), {"query": {"api_key": "k"}, "headers": {"X-Key": "k"}}
    run(lambda http: http.get("/a", params={"b": 1}, spacing=3.5), httpx.Response(200), exchange=exchange, **given)
    run(
        lambda http: http.send("PATCH", "/a", body={"c": 2}),
        httpx.Response(200),
        exchange=exchange,
        url=f"{URL}/",
        **given,
    )
    read, change = exchange.requests
    assert (read.method, str(read.url), read.content) == ("GET", f"{URL}/a?api_key=k&b=1", b"")
    assert (change.method, str(change.url)) == ("PATCH", f"{URL}/a?api_key=k")
    assert (change.content, change.headers["content-type"]) == (b'{"c":2}', "application/json")
    assert {request.headers["x-key"] for request in exchange.requests} == {"k"}
    assert exchange.spacings == [3.5, 0.0]
    assert read.extensions["timeout"] == {"connect": 10.0, "read": 30.0, "write": 30.0, "pool": 30.0}


def test_a_gate_that_refuses_keeps_every_byte_back() -> None:
    exchange = Exchange()

    async def closed(spacing: float = 0.0) -> None:
        raise RuntimeError("closed")

    exchange.gate = closed
    for act in ACTS.values():
        with pytest.raises(RuntimeError, match="closed"):
            run(act, httpx.Response(200), exchange=exchange)
    assert exchange.requests == []


@pytest.mark.parametrize("key", ["wrong\nkey", "wrong kéy", "", "wrong key", "ключ", "\x7f", "key\n"])
def test_a_key_that_no_header_can_carry_is_one_that_no_account_has(key: str) -> None:
    assert header_value(key) == "unusable"
    assert header_value("q3Zk+Yb0/=~!") == "q3Zk+Yb0/=~!"
