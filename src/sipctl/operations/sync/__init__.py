"""Purge and sync: an observation, a plan, and its items carried out behind every safeguard."""
