"""`outbound prove`: what a partner can hand to a client's security team, made against the deployment itself."""

from pathlib import Path
from typing import Annotated

import typer

from api.ops.isolation.actors import OWNER, CannotProveError
from api.ops.isolation.over_http import probe_api
from api.ops.isolation.run import prove_deployment
from api.ops.stopping import settings_or_stop, stopped

TIERS = ("platform", "org", "company", "worker", "public")


def prove(
    *,
    database_url: Annotated[str, typer.Option(help="A member of outbound_owner, such as the migrator.")],
    org_token: Annotated[list[str], typer.Option(envvar="OUTBOUND_PROVE_ORG_TOKENS", help="Of two organizations.")],
    company_token: Annotated[
        list[str],
        typer.Option(envvar="OUTBOUND_PROVE_COMPANY_TOKENS", help="Of two companies, one of the first organization."),
    ],
    api_url: Annotated[str | None, typer.Option(help="Also ask the API, with reads alone.")] = None,
    report: Annotated[Path, typer.Option(help="The folder for isolation.md and isolation.json.")] = Path("out"),
    seed: Annotated[int | None, typer.Option(help="Repeat an earlier run.")] = None,
) -> None:
    """Prove isolation on a running deployment: the lint, and probes that are always rolled back."""
    settings = settings_or_stop()
    urls = {OWNER: database_url}
    for tier in TIERS:
        url = getattr(settings, f"database_url_{tier}")
        if url is not None:
            urls[tier] = url.get_secret_value()
    try:
        code = prove_deployment(
            urls, settings, org_tokens=org_token, company_tokens=company_token,
            report=report, api_url=api_url, seed=seed, say=typer.echo,
            sections=() if api_url is None else (lambda: probe_api(api_url, org_token, company_token),),
        )  # fmt: skip
    except CannotProveError as error:
        raise stopped(str(error)) from None
    raise typer.Exit(code)
