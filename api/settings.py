"""Every setting of the engine, read from `OUTBOUND_*` variables; `.env.example` lists them with their meaning."""

import base64
import math
import secrets
from contextlib import suppress
from dataclasses import fields, replace
from functools import lru_cache
from ipaddress import ip_address

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from providers.models import Limits
from providers.registry import PROVIDERS

CATCH_UP_SECONDS = 1.0
LIMITS = frozenset(field.name for field in fields(Limits))


def parse_keys(text: str) -> dict[str, bytes]:
    """Return `{kid: key}` in the order written; keys are base64 of 32 bytes. ValueError says which entry is wrong."""
    keys: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        kid, _, encoded = entry.partition(":")
        key = base64.b64decode(encoded, validate=True)
        if len(key) != 32 or not kid.isalnum() or kid != kid.lower():
            raise ValueError(f"key {kid!r}: expected `kid:base64 of 32 bytes` with a lower-case alphanumeric kid")
        keys[kid] = key
    if not keys:
        raise ValueError("no keys given")
    return keys


def parse_name_servers(text: str) -> dict[str, int] | None:
    """Return the port of each address of `address`, `address:port` or `[address]:port`, comma separated; None for
    `system`. ValueError names what is no address."""
    if text.strip() == "system":
        return None
    found: dict[str, int] = {}
    for server in filter(None, (part.strip() for part in text.split(","))):
        with suppress(ValueError):
            found[str(ip_address(server.strip("[]")))] = 53
            continue
        address, _, port = server.rpartition(":")
        found[str(ip_address(address.strip("[]")))] = int(port)
    return found


def generate_key(kid: str = "k1") -> str:
    """Return a new `kid:base64` entry for a key setting."""
    return f"{kid}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


class MigrateSettings(BaseSettings):
    """What `outbound migrate` reads. Only the migrator's own address is needed to begin."""

    model_config = SettingsConfigDict(env_prefix="OUTBOUND_", extra="ignore")

    database_url: SecretStr = Field(description="Postgres address of the migrator, who creates roles and tables.")
    database_url_platform: SecretStr | None = None
    database_url_org: SecretStr | None = None
    database_url_company: SecretStr | None = None
    database_url_worker: SecretStr | None = None
    database_url_public: SecretStr | None = None
    database_url_postgrest: SecretStr | None = None
    ticket_keys: SecretStr | None = None


class ProviderSettings(BaseModel):
    """What is otherwise of one provider; what is not given is as `providers/<key>/__init__.py` declares it."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(default=None, description="Scheme and host; a simulator's when trying things.")
    sandbox_url: str | None = Field(default=None, description="A simulator, for sandboxes; they have none without.")
    requests_per_minute: int | None = Field(default=None, ge=10)
    requests_per_burst: int | None = Field(default=None, ge=0, description="In `burst_seconds`; 0 is no limit.")
    burst_seconds: float | None = Field(default=None, gt=0)
    requests_per_hour: int | None = Field(default=None, ge=0, description="0 is no limit by the hour.")


class Settings(BaseSettings):
    """What the API and the worker read."""

    model_config = SettingsConfigDict(env_prefix="OUTBOUND_", env_nested_delimiter="__", extra="ignore")

    database_url_platform: SecretStr | None = Field(
        default=None, description="Without it `/platform/v1` is not there, and operators use the command line."
    )
    database_url_org: SecretStr
    database_url_company: SecretStr
    database_url_worker: SecretStr
    database_url_public: SecretStr

    token_pepper: SecretStr = Field(description="Base64 of 32 bytes; the key of every stored token HMAC.")
    ticket_keys: SecretStr = Field(description="`kid:base64`, comma separated, the first one signs.")
    encryption_keys: SecretStr = Field(description="`kid:base64`, comma separated, the first one encrypts.")

    signing_keys: SecretStr = Field(
        description="`kid:base64 of 32 bytes`, comma separated, the first one signs access tokens (ES256)."
    )
    jwt_issuer: str | None = Field(default=None, description="`iss` of access tokens; the public address if not set.")
    postgrest_url: str | None = Field(
        default=None, description="Where dashboards read, without a trailing slash; it ends in /rest/v1 on Supabase."
    )
    trusted_proxies: str = Field(
        default="", description="Networks of our own proxies, comma separated; only they may name a client's address."
    )
    rate_limit_per_minute: int = Field(default=6000, ge=1, description="Requests per credential, over all processes.")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="Where `/metrics` listens; 0 is nowhere.")
    metrics_host: str = "127.0.0.1"

    public_url: str = Field(description="Where providers reach us, without a trailing slash.")
    unsubscribe_url: str | None = Field(
        default=None, description="Where people unsubscribe; /u of the public address if not set."
    )
    unsubscribe_keys: SecretStr | None = Field(
        default=None, description="`kid:base64`, comma separated, the first one signs links; else one is derived."
    )
    host: str = "127.0.0.1"
    port: int = 8000
    pool_size: int = Field(default=8, description="Connections per tier and process.")
    pool_timeout_seconds: float = 5.0

    providers: dict[str, ProviderSettings] = Field(
        default_factory=dict[str, ProviderSettings],
        description="What is otherwise than a provider declares it, by its key: OUTBOUND_PROVIDERS__<KEY>__….",
    )
    provider_timeout_seconds: float = 30.0
    provider_read_timeout_seconds: float = Field(
        default=10.0, description="The same for requests that change nothing there."
    )
    settle_after_seconds: float = Field(
        default=30.0, description="How long an unanswered request may still take effect at a provider."
    )
    leads_per_request: int = Field(
        default=100, ge=1, description="People per request at most, where a provider takes more."
    )
    list_lag_seconds: float = Field(
        default=300.0, description="The same for providers whose lists show people late, as LinkedIn's does."
    )

    poll_seconds: float = Field(
        default=900.0, ge=0, description="How often a running campaign is asked about; 0 is never."
    )

    dns_servers: str = Field(
        default="system",
        description="Where sending domains are looked up: the system's servers, addresses, or empty for nowhere.",
    )
    worker_concurrency: int = Field(default=256, ge=1, description="Accounts at once; most wait for their provider.")
    webhook_concurrency: int = Field(default=8, ge=1, description="Connections whose webhooks are read at once.")
    heartbeat_seconds: float = 2.0
    stall_seconds: float = 10.0
    sweep_seconds: float = Field(default=30.0, description="After how long a lane that failed is tried again.")
    retry_seconds: float = Field(default=5.0, description="The wait after a passing failure that names none.")
    lane_seconds: float = Field(default=5.0, description="How long one run of a lane works before others get a turn.")
    log_format: str = Field(default="json", pattern="^(json|console)$")

    @field_validator("dns_servers")
    @classmethod
    def _addresses(cls, given: str) -> str:
        parse_name_servers(given)
        return given

    @field_validator("providers")
    @classmethod
    def _known(cls, given: dict[str, ProviderSettings]) -> dict[str, ProviderSettings]:
        if unknown := sorted(given.keys() - PROVIDERS.keys()):
            raise ValueError(f"there is no provider {', '.join(unknown)}; there are {', '.join(PROVIDERS)}")
        return given

    def provider_url(self, provider: str, environment: str = "live") -> str | None:
        """Return where a provider is reached in an environment, live or test; None where there is no such place."""
        given = self.providers.get(provider, ProviderSettings())
        return (given.url or PROVIDERS[provider].url) if environment == "live" else given.sandbox_url or None

    def limits(self, provider: str) -> Limits:
        """Return the limits of one account at a provider: what it declares, but for what is set otherwise.

        A burst is never less than the minute evenly spread: the limit by the minute is the one that counts.
        """
        given = self.providers.get(provider, ProviderSettings()).model_dump(exclude_none=True)
        limits = replace(PROVIDERS[provider].limits, **{key: given[key] for key in given if key in LIMITS})
        evenly = math.ceil(limits.burst_seconds * limits.requests_per_minute / 60)
        return replace(limits, requests_per_burst=limits.requests_per_burst and max(limits.requests_per_burst, evenly))


def request_spacing(limits: Limits) -> tuple[float, float]:
    """Return how many seconds lie between two requests to one account, and how late they may be caught up on.

    A sliding-window budget: with i between them and s to catch up, a window of S seconds holds at most 1 + (S + s) / i
    requests. So the minute gets its limit, and as much is caught up on as a burst allows; a burst never lowers the
    minute.
    """
    most, limit, seconds = limits.requests_per_minute - 1, limits.requests_per_burst, limits.burst_seconds
    late = CATCH_UP_SECONDS
    if limit:
        late = min(late, max(0.0, (60.0 * (limit - 1) - seconds * most) / max(most - limit + 1, 1)))
    return (60.0 + late) / most, late


@lru_cache
def get_settings() -> Settings:
    """Return the process's settings; a missing one raises pydantic's ValidationError naming it."""
    return Settings()  # pyright: ignore[reportCallIssue]  # pydantic-settings fills it from the environment
