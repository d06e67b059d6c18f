"""`outbound`, with a fourth provider in the registry."""

from providers.registry import PROVIDERS
from tests.support.toy import TOY

PROVIDERS[TOY.key] = TOY

if __name__ == "__main__":
    from api.cli import app

    app()
