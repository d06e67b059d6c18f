"""Leads: adding, reading and changing them, and who is never added."""
