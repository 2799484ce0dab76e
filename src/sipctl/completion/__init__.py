"""The answer to a TAB, without Typer: what can be typed next comes from a file that is made at build time."""
