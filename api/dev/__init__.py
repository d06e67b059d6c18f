"""`outbound dev`: everything on one machine, for a developer and for tests."""
