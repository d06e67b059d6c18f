"""Who may do what, as data: each route needs one permission, each role has some, a token's scopes narrow them.

The check and its test are both generated from these tables; a route that is missing here keeps the API from starting.
"""

from collections.abc import Iterable
from functools import lru_cache

PUBLIC = "public"  # no credential is needed
SELF = "self"  # any credential of a person or a program: it is about the caller alone

ROUTES: dict[tuple[str, str], str] = {
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/.well-known/jwks.json"): PUBLIC,
    ("GET", "/.well-known/openid-configuration"): PUBLIC,
    ("POST", "/hooks/{path_token}"): PUBLIC,
    ("GET", "/u/{token}"): PUBLIC,
    ("HEAD", "/u/{token}"): PUBLIC,
    ("POST", "/u/{token}"): PUBLIC,
    ("POST", "/v1/auth/login"): PUBLIC,
    ("POST", "/v1/auth/refresh"): PUBLIC,
    ("POST", "/v1/auth/password"): PUBLIC,
    ("GET", "/v1/auth/me"): SELF,
    ("POST", "/v1/auth/dashboard-token"): "dashboards:read",
    ("POST", "/v1/auth/logout"): SELF,
    ("POST", "/v1/auth/logout-everywhere"): SELF,
    ("GET", "/platform/v1/organizations"): "platform:read",
    ("POST", "/platform/v1/organizations"): "platform:write",
    ("GET", "/platform/v1/organizations/{organization_id}"): "platform:read",
    ("PATCH", "/platform/v1/organizations/{organization_id}"): "platform:write",
    ("DELETE", "/platform/v1/organizations/{organization_id}"): "platform:write",
    ("POST", "/platform/v1/organizations/{organization_id}/api-tokens"): "platform:write",
    ("GET", "/partner/v1/organization"): "organization:read",
    ("PATCH", "/partner/v1/organization"): "organization:write",
    ("GET", "/partner/v1/providers"): "entitlements:read",
    ("GET", "/partner/v1/companies"): "companies:read",
    ("POST", "/partner/v1/companies"): "companies:write",
    ("GET", "/partner/v1/companies/{company_id}"): "companies:read",
    ("PATCH", "/partner/v1/companies/{company_id}"): "companies:write",
    ("DELETE", "/partner/v1/companies/{company_id}"): "companies:write",
    ("GET", "/partner/v1/users"): "users:read",
    ("POST", "/partner/v1/users"): "users:write",
    ("GET", "/partner/v1/users/{user_id}"): "users:read",
    ("PATCH", "/partner/v1/users/{user_id}"): "users:write",
    ("DELETE", "/partner/v1/users/{user_id}"): "users:write",
    ("POST", "/partner/v1/users/{user_id}/link"): "users:write",
    ("POST", "/partner/v1/users/{user_id}/logout"): "users:write",
    ("GET", "/partner/v1/api-tokens"): "tokens:read",
    ("POST", "/partner/v1/api-tokens"): "tokens:write",
    ("GET", "/partner/v1/api-tokens/{token_id}"): "tokens:read",
    ("DELETE", "/partner/v1/api-tokens/{token_id}"): "tokens:write",
    ("POST", "/partner/v1/api-tokens/{token_id}/rotate"): "tokens:write",
    ("GET", "/partner/v1/companies/{company_id}/entitlements"): "entitlements:read",
    ("PUT", "/partner/v1/companies/{company_id}/entitlements/{capability}"): "entitlements:write",
    ("DELETE", "/partner/v1/companies/{company_id}/entitlements/{capability}"): "entitlements:write",
    ("GET", "/partner/v1/connections"): "connections:read",
    ("POST", "/partner/v1/connections"): "connections:write",
    ("GET", "/partner/v1/connections/{connection_id}"): "connections:read",
    ("PATCH", "/partner/v1/connections/{connection_id}"): "connections:write",
    ("GET", "/partner/v1/connections/{connection_id}/budget"): "connections:read",
    ("POST", "/partner/v1/connections/{connection_id}/disconnect"): "connections:write",
    ("POST", "/partner/v1/connections/{connection_id}/rotate"): "connections:write",
    ("GET", "/partner/v1/campaigns/{campaign_id}/binding"): "connections:read",
    ("PUT", "/partner/v1/campaigns/{campaign_id}/binding"): "connections:write",
    ("GET", "/partner/v1/senders"): "connections:read",
    ("GET", "/partner/v1/senders/{sender_id}"): "connections:read",
    ("PUT", "/partner/v1/senders/{sender_id}"): "connections:write",
    ("GET", "/partner/v1/suppressions"): "suppressions:read",
    ("POST", "/partner/v1/suppressions"): "suppressions:write",
    ("GET", "/partner/v1/suppressions/export"): "suppressions:read",
    ("GET", "/partner/v1/suppressions/{suppression_id}"): "suppressions:read",
    ("DELETE", "/partner/v1/suppressions/{suppression_id}"): "suppressions:write",
    ("GET", "/partner/v1/audit-log"): "audit:read",
    ("GET", "/v1/company"): "company:read",
    ("PATCH", "/v1/company"): "company:write",
    ("GET", "/v1/users"): "users:read",
    ("POST", "/v1/users"): "users:write",
    ("GET", "/v1/users/{user_id}"): "users:read",
    ("PATCH", "/v1/users/{user_id}"): "users:write",
    ("DELETE", "/v1/users/{user_id}"): "users:write",
    ("POST", "/v1/users/{user_id}/link"): "users:write",
    ("POST", "/v1/users/{user_id}/logout"): "users:write",
    ("GET", "/v1/api-tokens"): "tokens:read",
    ("POST", "/v1/api-tokens"): "tokens:write",
    ("GET", "/v1/api-tokens/{token_id}"): "tokens:read",
    ("DELETE", "/v1/api-tokens/{token_id}"): "tokens:write",
    ("POST", "/v1/api-tokens/{token_id}/rotate"): "tokens:write",
    ("GET", "/v1/audit-log"): "audit:read",
    ("GET", "/v1/capabilities"): "capabilities:read",
    ("GET", "/v1/senders"): "senders:read",
    ("GET", "/v1/senders/{sender_id}"): "senders:read",
    ("GET", "/v1/campaigns"): "campaigns:read",
    ("POST", "/v1/campaigns"): "campaigns:write",
    ("GET", "/v1/campaigns/{campaign_id}"): "campaigns:read",
    ("PATCH", "/v1/campaigns/{campaign_id}"): "campaigns:write",
    ("DELETE", "/v1/campaigns/{campaign_id}"): "campaigns:write",
    ("POST", "/v1/campaigns/{campaign_id}/archive"): "campaigns:write",
    ("POST", "/v1/campaigns/{campaign_id}/clone"): "campaigns:write",
    ("POST", "/v1/campaigns/{campaign_id}/preflight"): "campaigns:read",
    ("POST", "/v1/campaigns/{campaign_id}/sequence/preview"): "campaigns:read",
    ("GET", "/v1/campaigns/{campaign_id}/sequence"): "campaigns:read",
    ("PUT", "/v1/campaigns/{campaign_id}/sequence"): "campaigns:write",
    ("GET", "/v1/campaigns/{campaign_id}/senders"): "campaigns:read",
    ("PUT", "/v1/campaigns/{campaign_id}/senders"): "campaigns:write",
    ("POST", "/v1/campaigns/{campaign_id}/start"): "campaigns:write",
    ("POST", "/v1/campaigns/{campaign_id}/pause"): "campaigns:write",
    ("GET", "/v1/campaigns/{campaign_id}/stats"): "campaigns:read",
    ("GET", "/v1/campaigns/{campaign_id}/leads"): "leads:read",
    ("POST", "/v1/campaigns/{campaign_id}/leads"): "leads:write",
    ("POST", "/v1/campaigns/{campaign_id}/leads:inspect"): "leads:read",
    ("DELETE", "/v1/campaigns/{campaign_id}/leads/{lead_id}"): "leads:write",
    ("POST", "/v1/campaigns/{campaign_id}/leads/{lead_id}/pause"): "leads:write",
    ("POST", "/v1/campaigns/{campaign_id}/leads/{lead_id}/resume"): "leads:write",
    ("GET", "/v1/leads"): "leads:read",
    ("GET", "/v1/leads/export"): "leads:read",
    ("GET", "/v1/leads/{lead_id}"): "leads:read",
    ("GET", "/v1/leads/{lead_id}/contactability"): "leads:read",
    ("PATCH", "/v1/leads/{lead_id}"): "leads:write",
    ("POST", "/v1/leads/{lead_id}/unsubscribe"): "leads:write",
    ("GET", "/v1/suppressions"): "suppressions:read",
    ("POST", "/v1/suppressions"): "suppressions:write",
    ("GET", "/v1/suppressions/export"): "suppressions:read",
    ("GET", "/v1/suppressions/{suppression_id}"): "suppressions:read",
    ("DELETE", "/v1/suppressions/{suppression_id}"): "suppressions:write",
    ("GET", "/v1/imports"): "imports:read",
    ("POST", "/v1/imports"): "imports:write",
    ("GET", "/v1/imports/{import_id}"): "imports:read",
    ("GET", "/v1/imports/{import_id}/results"): "imports:read",
    ("POST", "/v1/imports/{import_id}/cancel"): "imports:write",
    ("GET", "/v1/conversations"): "conversations:read",
    ("GET", "/v1/conversations/{conversation_id}"): "conversations:read",
    ("PATCH", "/v1/conversations/{conversation_id}"): "conversations:write",
    ("GET", "/v1/conversations/{conversation_id}/messages"): "conversations:read",
    ("POST", "/v1/conversations/{conversation_id}/reply"): "conversations:write",
    ("GET", "/v1/stats"): "dashboards:read",
    ("GET", "/partner/v1/stats"): "dashboards:read",
    ("GET", "/v1/events"): "events:read",
    ("GET", "/v1/events/{event_id}"): "events:read",
}

_RUNNING = frozenset(
    {
        "campaigns:read", "campaigns:write", "leads:read", "leads:write", "suppressions:read", "suppressions:write",
        "imports:read", "imports:write", "events:read", "senders:read", "capabilities:read", "company:read",
        "conversations:read", "conversations:write", "dashboards:read",
    }
)  # fmt: skip
_COMPANY = _RUNNING | {"company:write", "users:read", "users:write", "tokens:read", "tokens:write", "audit:read"}
_PARTNER_READ = frozenset(
    {"organization:read", "companies:read", "users:read", "entitlements:read", "connections:read"}
)

ROLES: dict[str, frozenset[str]] = {
    "platform_admin": frozenset({"platform:read", "platform:write"}),
    "org_admin": _COMPANY
    | _PARTNER_READ
    | {"organization:write", "companies:write", "entitlements:write", "connections:write"},
    "org_member": _RUNNING | _PARTNER_READ,
    "company_admin": _COMPANY,
    "company_member": _RUNNING,
}
SCOPES: frozenset[str] = ROLES["org_admin"]  # every permission that a tenant's token can have


@lru_cache(maxsize=4096)
def allows(role: str | None, scopes: tuple[str, ...] | None, permission: str) -> bool:
    """Tell whether a role, narrowed by a token's scopes where it has any, includes a permission."""
    if permission == SELF:
        return True
    return permission in ROLES.get(role or "", ()) and (scopes is None or permission in scopes)


def check_routes(routes: Iterable[tuple[str, str]]) -> None:
    """Raise RuntimeError for a route without a permission, and for a permission without a route."""
    known = set(routes)
    missing, stale = sorted(known - ROUTES.keys()), sorted(ROUTES.keys() - known)
    if missing or stale:
        raise RuntimeError(
            f"api/access/permissions.py: routes without a permission {missing}, entries without a route {stale}"
        )


def role_permissions(role: str | None) -> frozenset[str]:
    """Return all that a role includes."""
    return ROLES.get(role or "", frozenset())


def effective(role: str | None, scopes: tuple[str, ...] | None) -> frozenset[str]:
    """Return what a credential may really do."""
    return role_permissions(role) if scopes is None else role_permissions(role) & frozenset(scopes)
