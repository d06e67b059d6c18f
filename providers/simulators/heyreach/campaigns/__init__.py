"""Campaigns: what they are made of, and starting and stopping them."""
