"""What several subjects of this provider share: its times, ids and rows."""
