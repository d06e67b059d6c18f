"""HTTP towards a provider: timeouts on everything, no retries, and a verdict on what a failure may have done."""

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from providers.contract import Access
from providers.errors import CredentialRefused, Passing, Refused, Uncertain
from providers.reading import as_mapping

USER_AGENT = "outbound-engine/1.0"
PASSING_STATUSES = frozenset({403, 408, 425, 429})  # 403 is what a shield in front of a provider says to an address


CONNECT_SECONDS = 10.0
# Idle connections are given up before the other side is likely to: Node's servers, the most impatient, wait 5 s. A
# request on a connection that is just being closed would be a lost answer, and its effect uncertain.
KEEP_ALIVE_SECONDS = 3.0


@cache
def _tls_context() -> ssl.SSLContext:
    """Return the process's TLS context: reading the system's certificates is most of what a client takes."""
    return httpx.create_ssl_context(trust_env=False)


class HttpClients:
    """The HTTP clients of a process: one for each provider, which all accounts there share.

    No cookie is ever kept: what a provider sets for one account would be sent with another's requests.
    """

    def __init__(self) -> None:
        self._clients: dict[str, httpx.AsyncClient] = {}

    def of(self, provider: str) -> httpx.AsyncClient:
        """Return a provider's client, made at the first call."""
        if provider not in self._clients:
            self._clients[provider] = httpx.AsyncClient(
                verify=_tls_context(),
                headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_SECONDS),
                follow_redirects=False,
                trust_env=False,
            )
        return self._clients[provider]

    async def aclose(self) -> None:
        """Close every connection. A client that is needed afterwards is a fresh one."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()


@dataclass(frozen=True)
class Answer:
    """A 2xx answer. `body` is parsed JSON, or None when there is none; `text` is what was sent."""

    status: int
    body: Any
    text: str


class ProviderHttp:
    """One provider account's connection. `query` and `headers` are added to every request and belong in no log.

    `account_refusals` are statuses that refuse the account, like a 401, when the provider itself says them: in JSON
    whose `statusCode` repeats the status.
    """

    def __init__(
        self,
        access: Access,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        account_refusals: frozenset[int] = frozenset(),
    ) -> None:
        self._access = access
        self._query = dict(query or {})
        self._headers = dict(headers or {})
        self._account_refusals = account_refusals
        self._timeout = _timeout(access.timeout)
        self._read_timeout = _timeout(min(access.timeout, access.read_timeout))

    async def get(self, path: str, *, params: Mapping[str, Any] | None = None, spacing: float = 0.0) -> Answer:
        """Read. A lost answer is Passing: reading again changes nothing. `spacing` is for the gate."""
        try:
            return await self._request("GET", path, params=params, spacing=spacing)
        except Uncertain as error:
            raise Passing(str(error), status=error.status, retry_after=error.retry_after) from error

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: object | None = None,
        repeatable: bool = False,
    ) -> Answer:
        """Change something. With `repeatable` a lost answer is Passing, since doing it again ends in the same state."""
        try:
            return await self._request(method, path, params=params, body=body)
        except Uncertain as error:
            if repeatable:
                raise Passing(str(error), status=error.status, retry_after=error.retry_after) from error
            raise

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: object | None = None,
        spacing: float = 0.0,
    ) -> Answer:
        await self._access.gate(spacing)
        try:
            async with self._access.outside():
                response = await self._access.http.request(
                    method,
                    self._access.base_url.rstrip("/") + path,
                    params={**self._query, **(params or {})},
                    json=body,
                    headers=self._headers,
                    timeout=self._read_timeout if method == "GET" else self._timeout,
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Passing(f"{method} {path}: not reached ({type(error).__name__})") from None
        except httpx.HTTPError as error:
            raise Uncertain(f"{method} {path}: no answer ({type(error).__name__})") from None
        return _judge(f"{method} {path}", response, self._account_refusals)


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))


def _judge(what: str, response: httpx.Response, account_refusals: frozenset[int]) -> Answer:
    status = response.status_code
    known: dict[str, Any] = {
        "status": status,
        "retry_after": _retry_after(response),
        "request_id": response.headers.get("x-request-id"),
    }
    if status == 401 or (status in account_refusals and _says_status(response)):
        raise CredentialRefused(f"{what}: {status}", **known)
    if status in PASSING_STATUSES:
        raise Passing(f"{what}: {status}", **known)
    if status >= 500:
        raise Uncertain(f"{what}: {status}", **known)
    if not response.is_success:
        raise Refused(f"{what}: {status}", **known)
    text = response.text
    try:
        return Answer(status, json.loads(text) if text.strip() else None, text)
    except (ValueError, RecursionError):
        if "json" in response.headers.get("content-type", ""):
            raise Uncertain(f"{what}: {status} with a broken body", **known) from None
        return Answer(status, None, text)


def header_value(api_key: str) -> str:
    """Return a key as a header can carry it, or one that no account has."""
    return api_key if re.fullmatch(r"[!-~]+", api_key) else "unusable"


def _says_status(response: httpx.Response) -> bool:
    try:
        body: object = json.loads(response.text)
    except (ValueError, RecursionError):
        return False
    return as_mapping(body).get("statusCode") == response.status_code


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    plain = value.isascii() and value.replace(".", "", 1).isdecimal()
    return min(float(value), 3600.0) if plain else None
