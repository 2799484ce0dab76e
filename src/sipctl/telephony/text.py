"""What text is."""


def is_unicode(text: str) -> bool:
    """Whether it has no lone surrogate: bytes that were no UTF-8, or half of a pair of JSON's escapes.

    Nothing can be written with one: no file, no request, no row of a database.
    """
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
