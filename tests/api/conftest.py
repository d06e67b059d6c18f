"""Fixtures of the tests in this folder."""

from tests.api.clients import closed_clients

__all__ = ["closed_clients"]
