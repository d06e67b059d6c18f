"""Inbox placement: a product of its own that no workspace here has paid for, so every call is refused alike."""

from starlette.responses import Response

from providers.simulators.instantly.requests import Call, RefusedError, Routes

routes = Routes()

_UNPAID = "Workspace does not have an active paid plan"
_TESTS, _FIGURES, _REPORTS = "/inbox-placement-tests", "/inbox-placement-analytics", "/inbox-placement-reports"
_CALLS = (
    ("POST", _TESTS, "inbox_placement_tests:create"),
    ("GET", _TESTS, "inbox_placement_tests:read"),
    ("GET", f"{_TESTS}/email-service-provider-options", ""),
    ("GET", f"{_TESTS}/{{id}}", "inbox_placement_tests:read"),
    ("PATCH", f"{_TESTS}/{{id}}", "inbox_placement_tests:update"),
    ("DELETE", f"{_TESTS}/{{id}}", "inbox_placement_tests:delete"),
    ("GET", _FIGURES, "inbox_placement_analytics:read"),
    ("GET", f"{_FIGURES}/{{id}}", "inbox_placement_analytics:read"),
    ("POST", f"{_FIGURES}/stats-by-test-id", "inbox_placement_analytics:read"),
    ("POST", f"{_FIGURES}/deliverability-insights", "inbox_placement_analytics:read"),
    ("POST", f"{_FIGURES}/stats-by-date", "inbox_placement_analytics:read"),
    ("GET", _REPORTS, "inbox_placement_reports:read"),
    ("GET", f"{_REPORTS}/{{id}}", "inbox_placement_reports:read"),
)


def _refuse(call: Call) -> Response:
    del call
    raise RefusedError(402, _UNPAID)


for _method, _path, _scope in _CALLS:
    # Nothing of such a request is ever looked at: a filter is no fault either.
    routes.on(_method, _path, _scope)(_refuse)
