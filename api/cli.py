"""`outbound`: the commands of an operator and of a developer."""

import asyncio
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated

import psycopg
import typer
import uvicorn
from pydantic import SecretStr, ValidationError

from api.dev.home import SIMULATED
from api.ops.doctor import examine
from api.ops.hosted import set_up as serve_dashboards
from api.ops.isolation.command import prove
from api.ops.keys_cli import keys_app
from api.ops.migrate import MigrationRefusedError
from api.ops.migrate import migrate as run_migrate
from api.ops.organizations_cli import org_app, stop, token_app
from api.ops.refold import refold
from api.ops.stats_cli import stats_app
from api.ops.stopping import missing, settings_or_stop, stopped
from api.ops.suppress_cli import suppress_app
from api.settings import MigrateSettings
from api.telemetry.logs import configure_logging, redact
from api.telemetry.metrics import serve_metrics

# Plain tracebacks: the pretty ones print local variables, and some of those are secrets.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Outbound Engine X.")
app.add_typer(org_app, name="org")
app.add_typer(token_app, name="token")
app.add_typer(keys_app, name="keys")
app.add_typer(suppress_app, name="suppress")
app.add_typer(stats_app, name="stats")
app.command()(refold)
app.command()(stop)
app.command()(prove)


@app.command()
def migrate(
    *,
    database_url: Annotated[str | None, typer.Option(help="Instead of OUTBOUND_DATABASE_URL.")] = None,
    supabase: Annotated[bool, typer.Option("--supabase", help="Have Supabase's PostgREST serve dashboards.")] = False,
) -> None:
    """Bring a database up to this version: roles, tables, job queue, policies and keys. Safe to run again."""
    try:
        given = {"database_url": SecretStr(database_url)} if database_url else {}
        settings = MigrateSettings(**given)  # pyright: ignore[reportArgumentType]
        run_migrate(settings, typer.echo)
        if supabase:
            with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as conn:
                serve_dashboards(conn, typer.echo)
    except ValidationError as error:
        raise stopped(missing(error)) from None
    except MigrationRefusedError as error:
        raise stopped(str(error)) from None
    except psycopg.Error as error:
        raise stopped(f"Postgres refused: {redact(str(error))}") from None
    typer.echo("the database is up to date")


@app.command()
def doctor() -> None:
    """Say what is wrong with a deployment, and what to do about it. Changes nothing; silent when nothing is."""
    settings = settings_or_stop()
    wrong = False
    for finding in examine(settings, _migrators_address()):
        typer.echo(f"{'warning' if finding.warning else 'wrong'}: {finding.text}")
        wrong = wrong or not finding.warning
    raise typer.Exit(1 if wrong else 0)


def _migrators_address() -> SecretStr | None:
    try:
        return MigrateSettings().database_url  # pyright: ignore[reportCallIssue]
    except ValidationError:
        return None


@app.command()
def serve() -> None:
    """Serve the API."""
    from api.app import create_app  # noqa: PLC0415  # other commands start faster without it
    from api.http.intake import PatientProtocol  # noqa: PLC0415

    settings = settings_or_stop()
    configure_logging(settings.log_format)
    config = uvicorn.Config(
        create_app(settings),
        http=PatientProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=30,
    )
    with _listening(settings.host, settings.port) as listener, _metrics(settings.metrics_host, settings.metrics_port):
        uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    """Return the socket that the API answers on. Ends the command where another process has it."""
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise stopped(
            f"the API cannot listen on {host}:{port} ({reason}); set OUTBOUND_PORT or OUTBOUND_HOST"
        ) from None


@contextmanager
def _metrics(host: str, port: int) -> Generator[None]:
    """Serve `/metrics` meanwhile. Ends the command where another process has the port."""
    try:
        stop_metrics = serve_metrics(host, port)
    except OSError as error:
        reason = f"/metrics cannot listen on {host}:{port} ({error.strerror})"
        raise stopped(f"{reason}; set OUTBOUND_METRICS_PORT, or 0 for nowhere") from None
    try:
        yield
    finally:
        stop_metrics()


@app.command()
def worker() -> None:
    """Do the outside work: hand people over, keep campaigns in step, read webhooks."""
    from api import tasks  # noqa: PLC0415
    from api.worker.process import run_worker  # noqa: PLC0415

    settings = settings_or_stop()
    configure_logging(settings.log_format)
    typer.echo(f"working on {len(tasks.TASKS)} kinds of tasks, {len(tasks.LANE)} steps in a lane", err=True)
    asyncio.run(run_worker(settings, tasks.TASKS))


@app.command()
def simulate(
    provider: Annotated[str, typer.Argument(help=f"Whom it stands in for: {', '.join(SIMULATED)}.")],
    *,
    port: Annotated[int, typer.Option(help="Where the provider's API answers.")] = 9100,
    control_port: Annotated[int, typer.Option(help="Where the ledger and the fault switches are.")] = 9101,
    state: Annotated[Path | None, typer.Option(help="The file that keeps its state; NAME.sqlite if not given.")] = None,
    api_key: Annotated[
        list[str] | None,
        typer.Option(envvar="OUTBOUND_SIMULATED_KEYS", help="A key it knows; more than one is more accounts."),
    ] = None,
    rate_limit: Annotated[
        str | None, typer.Option(help="Requests per seconds, as in 60/60 or 100/1,6000/60; 0 is none.")
    ] = None,
    autoplay: Annotated[bool, typer.Option(help="Send, open and reply by itself once a campaign runs.")] = True,
) -> None:
    """Run a provider's simulator on loopback."""
    if provider not in SIMULATED:
        raise stopped(f"there is no simulator of {provider}; there are {', '.join(SIMULATED)}")
    os.umask(0o077)  # keys stand in its file
    server = import_module(f"providers.simulators.{provider}.server")
    typer.echo(f"{provider} simulator on http://127.0.0.1:{port}, control on http://127.0.0.1:{control_port}")
    server.serve(
        port=port,
        control_port=control_port,
        state_path=state or Path(f"{provider}.sqlite"),
        api_keys=api_key or ["test-key"],
        autoplay=autoplay,
        **({} if rate_limit is None else {"rate_limit": rate_limit}),  # else the provider's own
    )


@app.command()
def dev(
    home: Annotated[Path, typer.Option(help="Where data, ports and keys are kept.")] = Path(".outbound"),
    reset: Annotated[bool, typer.Option(help="Throw the data away and do not start.")] = False,
    walk: Annotated[bool, typer.Option(help="Play the main job on the first start.")] = True,
    rate_limit: Annotated[str, typer.Option(help="The simulator's limit, requests/seconds; 0 is none.")] = "600/60",
    requests_per_minute: Annotated[int, typer.Option(help="What the engine allows itself.")] = 540,
    *,
    dashboards: Annotated[bool, typer.Option(help="Start a PostgREST for dashboards.")] = True,
    dns_servers: Annotated[str, typer.Option(help="Where sending domains are looked up; empty is nowhere.")] = "",
) -> None:
    """Start everything on this machine with a simulated provider, play the main job once, and stay up."""
    from api.dev.leftovers import reset_home  # noqa: PLC0415
    from api.dev.supervisor import run  # noqa: PLC0415

    if reset:
        reset_home(home)
    else:
        options = {"rate_limit": rate_limit, "dns_servers": dns_servers}
        run(home, walk=walk, with_dashboards=dashboards, requests_per_minute=requests_per_minute, **options)


if __name__ == "__main__":
    app()
