"""Figures and logs: what was counted, and what was done."""
