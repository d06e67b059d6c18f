"""What can be subscribed to, reading one subscription, and trying one out."""

import asyncio
import json
import time

import httpx
from starlette.responses import Response

from providers.simulators.instantly.requests import Call, Later, Routes, answer, thing
from providers.simulators.instantly.webhooks.subscriptions import STANDARD
from providers.simulators.kit.store import Object

routes = Routes()

_CUSTOM = {
    "custom_label_any_positive": "Lead is marked with any positive custom label",
    "custom_label_any_negative": "Lead is marked with any negative custom label",
}
_TEST_TIMEOUT = 10.0


@routes.on("GET", "/webhooks/event-types")
def event_types(call: Call) -> Response:
    """List what can be subscribed to."""
    del call
    rows = [{"id": name, "label": label, "type": "standard"} for name, label in STANDARD.items()]
    custom = [{"id": name, "label": label, "type": "custom_label"} for name, label in _CUSTOM.items()]
    return answer({"event_types": [*rows, *custom]})


@routes.on("GET", "/webhooks/{id}", "webhooks:read")
def read(call: Call) -> Response:
    """Read one subscription."""
    return thing(call.find("webhook"))


@routes.on("POST", "/webhooks/{id}/test")
def send_test(call: Call) -> Later:
    """Post something to the address and tell how it went, always with a 200."""
    hook = call.find("webhook")
    body = {
        "timestamp": call.now,
        "event_type": hook.get("event_type") or "all_events",
        "workspace": call.workspace,
        "test": True,
    }
    return Later(lambda: _try(hook, body))


async def _try(hook: Object, body: Object) -> Response:
    began = time.monotonic()
    outcome: Object = {}
    own: dict[str, str] = hook.get("headers") or {}
    try:
        async with asyncio.timeout(_TEST_TIMEOUT), httpx.AsyncClient(trust_env=False) as client:
            headers = {"Content-Type": "application/json", **own}
            response = await client.post(hook["target_hook_url"], content=json.dumps(body), headers=headers)
        outcome["status_code"] = response.status_code
        good = response.is_success
        if not good:
            outcome["error"] = f"HTTP {response.status_code}: {response.reason_phrase}"
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as failure:
        good, outcome["error"] = False, type(failure).__name__
    message = {"message": "Webhook test successful"} if good else {}
    return answer({"success": good, **message, "response_time_ms": round((time.monotonic() - began) * 1000), **outcome})
