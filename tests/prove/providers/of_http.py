"""Damage to `providers/http.py`, which decides for all providers what an answer means."""

from tests.prove.providers.mutant import Mutant

HTTP = "providers/http.py"
RETOLD = "raise Passing(str(error), status=error.status, retry_after=error.retry_after) from error"
READ = 'return await self._request("GET", path, params=params, spacing=spacing)\n        except Uncertain as error:\n'

OF_HTTP = [
    # What a status means.
    Mutant(
        "http-401-is-a-refusal",
        HTTP,
        "if status == 401 or (status in account_refusals and _says_status(response)):",
        "if status in account_refusals and _says_status(response):",
        "a wrong key looks like one refused request",
    ),
    Mutant(
        "http-account-refusals-ignored",
        HTTP,
        "if status == 401 or (status in account_refusals and _says_status(response)):",
        "if status == 401:",
        "an account without a plan is asked again and again",
    ),
    Mutant(
        "http-account-refusals-by-anybody",
        HTTP,
        " and _says_status(response)):",
        "):",
        "a shield in front of a provider takes the account away",
    ),
    Mutant(
        "http-says-any-status",
        HTTP,
        'as_mapping(body).get("statusCode") == response.status_code',
        'as_mapping(body).get("statusCode") is not None',
        "an envelope about another status takes the account away",
    ),
    *(
        Mutant(
            f"http-{status}-does-not-pass",
            HTTP,
            "frozenset({403, 408, 425, 429})",
            f"frozenset({{403, 408, 425, 429}} - {{{status}}})",
            f"a {status} is taken for good",
        )
        for status in (403, 408, 425, 429)
    ),
    Mutant("http-500-is-a-refusal", HTTP, "status >= 500", "status > 500", "after a 500 nobody asks what was done"),
    Mutant("http-5xx-is-a-refusal", HTTP, "status >= 500", "status >= 600", "after a 503 nobody asks what was done"),
    Mutant("http-4xx-is-uncertain", HTTP, "status >= 500", "status >= 400", "what was refused is asked about"),
    Mutant(
        "http-5xx-passes",
        HTTP,
        'raise Uncertain(f"{what}: {status}", **known)',
        'raise Passing(f"{what}: {status}", **known)',
        "what a 500 may have done is done again",
    ),
    Mutant("http-302-is-fine", HTTP, "if not response.is_success:", "if response.is_error:", "a 302 is an answer"),
    # What a body means.
    Mutant(
        "http-broken-body-is-a-refusal",
        HTTP,
        'raise Uncertain(f"{what}: {status} with a broken body"',
        'raise Refused(f"{what}: {status} with a broken body"',
        "what was done is thought refused",
    ),
    Mutant(
        "http-plain-text-is-broken",
        HTTP,
        'if "json" in response.headers.get("content-type", ""):',
        "if True:",
        "a plain `success` is a lost answer",
    ),
    Mutant(
        "http-broken-json-is-fine",
        HTTP,
        'if "json" in response.headers.get("content-type", ""):',
        "if False:",
        "half an answer is an answer",
    ),
    Mutant(
        "http-deep-body-raises",
        HTTP,
        'except (ValueError, RecursionError):\n        if "json"',
        'except ValueError:\n        if "json"',
        "a body that is nested too deep ends the job",
    ),
    Mutant(
        "http-deep-refusal-raises",
        HTTP,
        "except (ValueError, RecursionError):\n        return False",
        "except ValueError:\n        return False",
        "a refusal that is nested too deep ends the job",
    ),
    Mutant(
        "http-empty-body-is-broken",
        HTTP,
        "json.loads(text) if text.strip() else None",
        "json.loads(text)",
        "an empty 200 is a lost answer",
    ),
    # What is known of a failure.
    Mutant(
        "http-no-retry-after", HTTP, '"retry_after": _retry_after(response)', '"retry_after": None', "it is asked early"
    ),
    Mutant("http-retry-after-unbounded", HTTP, "min(float(value), 3600.0)", "float(value)", "it waits for days"),
    Mutant("http-retry-after-whole", HTTP, '.replace(".", "", 1)', "", "half a second is not understood"),
    Mutant("http-no-status", HTTP, '"status": status,', '"status": None,', "callers cannot tell a 404"),
    Mutant(
        "http-no-request-id",
        HTTP,
        '"request_id": response.headers.get("x-request-id")',
        '"request_id": None',
        "support is asked without a name",
    ),
    # Reading and changing.
    Mutant(
        "http-get-is-uncertain", HTTP, f"{READ}            {RETOLD}", f"{READ}            raise", "reads are doubted"
    ),
    Mutant(
        "http-get-loses-retry-after",
        HTTP,
        f"{READ}            {RETOLD}",
        f"{READ}            raise Passing(str(error), status=error.status) from error",
        "a read is repeated too early",
    ),
    Mutant(
        "http-get-loses-status",
        HTTP,
        f"{READ}            {RETOLD}",
        f"{READ}            raise Passing(str(error), retry_after=error.retry_after) from error",
        "nobody knows why a read failed",
    ),
    Mutant("http-all-repeatable", HTTP, "            if repeatable:", "            if True:", "people are added twice"),
    Mutant("http-none-repeatable", HTTP, "            if repeatable:", "            if False:", "changes are doubted"),
    Mutant(
        "http-send-loses-retry-after",
        HTTP,
        f"if repeatable:\n                {RETOLD}",
        "if repeatable:\n                raise Passing(str(error), status=error.status) from error",
        "a change is repeated too early",
    ),
    # What goes out, and what does not arrive.
    Mutant("http-no-gate", HTTP, "await self._access.gate(spacing)", "pass", "the budget is not kept"),
    Mutant(
        "http-no-spacing", HTTP, "self._access.gate(spacing)", "self._access.gate(0.0)", "mails are listed too often"
    ),
    *(
        Mutant(
            f"http-{kind.lower()}-is-uncertain",
            HTTP,
            "(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)",
            "("
            + "".join(f"httpx.{one}, " for one in ("ConnectError", "ConnectTimeout", "PoolTimeout") if one != kind)
            + ")",
            "what was never sent is asked about",
        )
        for kind in ("ConnectError", "ConnectTimeout", "PoolTimeout")
    ),
    Mutant(
        "http-lost-answer-passes",
        HTTP,
        'raise Uncertain(f"{method} {path}: no answer',
        'raise Passing(f"{method} {path}: no answer',
        "people are added twice",
    ),
    Mutant(
        "http-only-timeouts-are-caught",
        HTTP,
        "except httpx.HTTPError as",
        "except httpx.TimeoutException as",
        "jobs end",
    ),
    Mutant("http-no-query", HTTP, "params={**self._query, **(params or {})}", "params=params", "no key is sent"),
    Mutant("http-no-headers", HTTP, "                headers=self._headers,\n", "", "no key is sent"),
    Mutant("http-no-body", HTTP, "                json=body,\n", "", "nothing is said"),
    Mutant(
        "http-no-timeout",
        HTTP,
        'timeout=self._read_timeout if method == "GET" else self._timeout,',
        "timeout=None,",
        "a silent provider holds a worker",
    ),
    Mutant(
        "http-slow-connect",
        HTTP,
        "connect=min(seconds, CONNECT_SECONDS)",
        "connect=seconds",
        "a provider that is away holds a worker",
    ),
    Mutant("http-double-slash", HTTP, '.rstrip("/") + path', " + path", "an address with a slash leads nowhere"),
    Mutant("http-odd-key", HTTP, "if re.fullmatch(", "if re.match(", "a key with a line end ends the job"),
    # The clients that accounts share.
    Mutant(
        "http-cookies",
        HTTP,
        "                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),\n",
        "",
        "one account's cookie is sent with another's requests",
    ),
    Mutant(
        "http-long-keep-alive",
        HTTP,
        "KEEP_ALIVE_SECONDS = 3.0",
        "KEEP_ALIVE_SECONDS = 30.0",
        "requests meet a closing end",
    ),
    Mutant(
        "http-default-keep-alive",
        HTTP,
        "                limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_SECONDS),\n",
        "",
        "requests meet a closing end",
    ),
    Mutant("http-redirects", HTTP, "follow_redirects=False", "follow_redirects=True", "keys are sent elsewhere"),
    Mutant(
        "http-proxies",
        HTTP,
        "                trust_env=False,\n            )",
        "                trust_env=True,\n            )",
        "keys go through whatever proxy the environment names",
    ),
    Mutant("http-no-name", HTTP, '"User-Agent": USER_AGENT, ', "", "requests look like any script's"),
    Mutant("http-no-accept", HTTP, ', "Accept": "application/json"', "", "a provider may answer with a page"),
    Mutant(
        "http-closed-clients-stay",
        HTTP,
        "clients, self._clients = self._clients, {}",
        "clients = self._clients",
        "after closing, a closed client is handed out",
    ),
    Mutant("http-new-clients", HTTP, "if provider not in self._clients:", "if True:", "each call connects anew"),
]
