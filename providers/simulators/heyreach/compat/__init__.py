"""Endpoints for other people's clients: no client of this product calls them."""
