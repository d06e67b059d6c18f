"""How a command of ours ends early: one sentence that says what to do, and exit code 1."""

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from api.settings import Settings, get_settings


def stopped(message: str) -> typer.Exit:
    """Say why on standard error, and return what a command raises to end with exit code 1."""
    typer.echo(f"error: {message}", err=True)
    return typer.Exit(1)


def missing(error: ValidationError) -> str:
    """Return the sentence that names the settings a ValidationError is about."""
    wrong = "; ".join(
        f"OUTBOUND_{'__'.join(map(str, item['loc'])).upper()}: {_reason(item)}" for item in error.errors()
    )
    return f"These settings are missing or wrong: {wrong}. See .env.example."


def _reason(item: ErrorDetails) -> str:
    return "it is not set" if item["type"] == "missing" else item["msg"]


def settings_or_stop() -> Settings:
    """Return the process's settings. Raises typer.Exit, having said which are missing."""
    try:
        return get_settings()
    except ValidationError as error:
        raise stopped(missing(error)) from None
