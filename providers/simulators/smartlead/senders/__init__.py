"""Whom a campaign sends from."""
