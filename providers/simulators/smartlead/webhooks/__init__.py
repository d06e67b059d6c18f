"""Webhooks: who subscribed to what, and what each delivery holds."""
