"""A value that is never shown by accident."""

from dataclasses import dataclass, field

from sipctl.masking import MASK


@dataclass(frozen=True, slots=True)
class Secret:
    """A password or key. `str()` and `repr()` show a mask; only `reveal()` gives the text."""

    _text: str = field(default="", repr=False)

    def reveal(self) -> str:
        """The secret itself, for the one place that sends it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __str__(self) -> str:
        return MASK if self._text else ""
