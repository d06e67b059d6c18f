"""A workspace's end, its own domain, and its plan."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.requests import Call, RefusedError, Routes, answer, thing
from providers.simulators.kit.store import Object

routes = Routes()

_DAY = 86_400


def _changed(call: Call, **changes: object) -> Response:
    found = call.find("workspace", call.workspace)
    return thing(call.save("workspace", {**found, **changes, "timestamp_updated": call.now}))


@routes.on("POST", "/workspaces/current/schedule-for-removal", "workspaces:delete")
def end(call: Call) -> Response:
    """Say that the workspace is to be removed in a day; it never is."""
    return _changed(call, scheduled_for_removal_at=call.store.clock.stamp(_DAY))


@routes.on("DELETE", "/workspaces/current/schedule-for-removal", "workspaces:delete")
def keep(call: Call) -> Response:
    """Keep the workspace after all."""
    return _changed(call, scheduled_for_removal_at=None)


@routes.on(
    "POST",
    "/workspaces/current/whitelabel-domain",
    "workspaces:update",
    body={"domain": validation.Required(validation.text())},
)
def set_domain(call: Call) -> Response:
    """Give the workspace a domain of its own."""
    return _changed(call, org_client_domain=call.body["domain"])


@routes.on("GET", "/workspaces/current/whitelabel-domain", "workspaces:read")
def read_domain(call: Call) -> Response:
    """Tell whether the workspace's domain is verified, which it is at once."""
    domain = call.find("workspace", call.workspace).get("org_client_domain")
    named = {"name": domain} if domain else {}
    return answer({"verified": domain is not None, **named, "verification": []})


@routes.on("DELETE", "/workspaces/current/whitelabel-domain", "workspaces:update")
def drop_domain(call: Call) -> Response:
    """Take the workspace's domain away."""
    return _changed(call, org_client_domain=None)


@routes.on("GET", "/workspace-billing/plan-details", "workspace_billing:read")
def read_plan(call: Call) -> Response:
    """Read what the plan allows, and how much of it is used."""
    limit = int(call.options["plan_contacts"])
    used = call.store.value("select count(*) from leads where workspace = ?", call.workspace)
    outreach: Object = {
        "plan_name": "Hypergrowth",
        "addons_qty": 0,
        "total_lead_limit": limit,
        "current_lead_count": used,
        "base_lead_limit": limit,
        "interval": "month",
        "current_period_end": int(call.store.clock.time()) + 20 * _DAY,
        "cancel_at_time": None,
        "price_in_dollars": 97,
        "product_id": "pid_hg_v1",
    }
    name = call.find("workspace", call.workspace)["name"]
    named = {"organization_id": call.workspace, "organization_name": name}
    return answer({**named, "subscriptions": {"outreach": outreach}})


@routes.on("GET", "/crm-actions/phone-numbers", "crm_actions:read")
def list_numbers(call: Call) -> Response:
    """List nothing: no call of the API buys a phone number."""
    del call
    return answer([])


@routes.on("DELETE", "/crm-actions/phone-numbers/{id}", "crm_actions:delete")
def delete_number(call: Call) -> Response:
    """Find no phone number to delete."""
    del call
    raise RefusedError(404, "Resource not found")
