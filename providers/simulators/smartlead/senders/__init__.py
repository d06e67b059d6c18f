"""The senders of a campaign."""
