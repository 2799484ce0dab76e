"""Configuration: sources with provenance, merged into one `Settings`."""
