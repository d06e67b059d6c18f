"""`outbound prove`: what a partner can hand to a client's security team, made against the deployment itself."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from api.crypto import Vault
from api.proof.actors import OWNER, CannotProveError
from api.proof.over_http import probe_api
from api.proof.run import prove_deployment
from api.settings import get_settings

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
    try:
        settings = get_settings()
    except ValidationError as error:
        names = ", ".join(f"OUTBOUND_{'_'.join(map(str, item['loc'])).upper()}" for item in error.errors())
        typer.echo(f"error: these settings are missing or wrong: {names}. See .env.example.", err=True)
        raise typer.Exit(1) from None
    urls = {OWNER: database_url}
    for tier in TIERS:
        url = getattr(settings, f"database_url_{tier}")
        if url is not None:
            urls[tier] = url.get_secret_value()
    try:
        code = prove_deployment(
            urls, Vault.from_settings(settings), org_tokens=org_token, company_tokens=company_token,
            report=report, api_url=api_url, seed=seed, say=typer.echo,
            sections=() if api_url is None else (lambda: probe_api(api_url, org_token, company_token),),
        )  # fmt: skip
    except CannotProveError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(code)
