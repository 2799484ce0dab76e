"""Dispatch rules: found, created, changed, deleted, each behind its safeguards."""
