"""The JSON Schema of each document that a command prints, and of each line of a file that others may write."""

from collections.abc import Iterator

from sipctl.cli.schema import texts


def schemas() -> Iterator[tuple[str, str]]:
    """The name of each file, and its text."""
    for name, text in texts().items():
        yield f"{name}.v1.json", text()
