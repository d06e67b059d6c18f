"""Conversations: reading them, and writing into them."""
