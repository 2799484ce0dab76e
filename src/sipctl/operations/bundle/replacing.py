"""Texts and JSON with every name replaced: names that are known by their key, and what looks like one anywhere."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sipctl.operations.bundle.aliases import Aliases, Kind

REMOVED: Final = "[removed]"

_KEYS: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.ROOM: frozenset({"room", "roomname", "rooms", "roomprefix"}),
    Kind.PIN: frozenset({"pin", "digits"}),
    Kind.NUMBER: frozenset({
        "number", "numbers", "inboundnumbers", "allowednumbers", "fromuser", "touser", "fromnumber", "phonenumber",
        "tonumber", "roomtelephonyphonenumber",
    }),
    Kind.HOST: frozenset({
        "host", "hostname", "fromhost", "tohost", "address", "addresses", "server", "siphostname", "allowedaddresses",
        "external", "local", "fromip", "toip",
    }),
    Kind.PERSON: frozenset({
        "identity", "participant", "participantidentity", "participantname", "who", "user", "username", "authusername",
        "credusername", "expectedusername", "receivedusername", "displayname", "apikey", "livekitapikey", "dbuser",
    }),
    Kind.NAME: frozenset({
        "name", "metadata", "attributes", "headers", "headerstoattributes", "attributestoheaders", "authrealm",
        "trunkname", "rulename", "profile", "dbname",
    }),
}  # fmt: skip
_KIND_OF: Final = {key: kind for kind, keys in _KEYS.items() for key in keys}
"""By the key of a JSON object, without underscores and case: what its value is."""
_SECRET_KEY: Final = re.compile(r"passw|secret|token|\w+response$|nonce|authorization|credential")
_SAYS_NOTHING: Final = re.compile(r"^sip\..*(ID|Status|IDFull|Tag)$|^lk\.")
"""Attributes of participants that LiveKit sets, and that name no one."""
_OUR_WORDS: Final = frozenset({"code", "level", "area", "schema", "page", "title", "stacktrace", "caller"})
"""Keys of ours whose values are words of ours."""

_JWT: Final = r"eyJ[\w-]+(?:\.[\w-]*)*"
_FLAGGED: Final = (
    r"(?i:(?:password|secret|token|authorization)\b[\"']?\s{0,3}[=:]\s{0,3}(?:bearer |basic |digest )?[^\s,;\"']+)"
)
_UUIDS: Final = r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
_IPV6: Final = r"(?<![\w:.])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?:(?:\d{1,3}\.){3}\d{1,3})?(?![\w:])"
_IPV4: Final = r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)"
_WIDTH: Final = r"(?:/\d{1,3}(?!\d))?"
_PHONE: Final = r"(?<![\w+])(?:\+|00|%2[bB])\d[\d .()/-]{5,20}\d(?!\w)"
_BARE_PHONE: Final = r"(?<=sips:)\d{6,15}|(?<=sip:)\d{3,15}|(?<=tel:)\+?\d{3,15}"
_AUTHORITY: Final = r"(?<=://)[\w.-]+|(?<=@)[\w.-]+\.[\w-]+|(?<=sip:)[A-Za-z][\w-]*(?:\.[\w-]+)+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ENDS: Final = (
    "com|org|net|info|biz|dev|app|cloud|online|site|tech|edu|gov|mil|int|arpa|local|internal|lan|home|corp|example|test"
    "|invalid|localdomain|localhost|intra|private|(?!md|py|gz|db)[a-z]{2}"
)
"""What a host name ends with: the first names of domains that are common, those of countries, and private ones."""
_DOMAIN: Final = rf"(?<![\w./@-])(?:{_LABEL}\.)+(?:{_ENDS})(?![\w-]|\.\w)"
_FOLDERS: Final = r"(?<![\w/:.])/(?:[^\s/\"'`:;,]+/)+"
"""The folders above a file: they are named after customers and users."""
_NO_PINS: Final = frozenset({"None", "#"})
"""What Meet writes for a room without PIN, and what a caller types who has none."""
_SHORT: Final = 6
"""A shorter name is replaced where it is a word, a longer one wherever it stands."""


class Replacer:
    """Replaces names in whatever is put into a bundle. First everything is learnt from, then everything is replaced."""

    def __init__(self, aliases: Aliases, secrets: Iterable[str] = ()) -> None:
        self.aliases = aliases
        self._secrets = sorted({one for one in secrets if len(one) > 3}, key=len, reverse=True)
        self._pattern: re.Pattern[str] | None = None

    def learn(self, value: Any, key: str = "") -> None:  # noqa: ANN401 - any JSON value
        """Make aliases of the names that JSON holds under keys which say what they are."""
        if isinstance(value, Mapping):
            self._learn_mapping(value, key)
        elif isinstance(value, list | tuple):
            for item in value:
                self.learn(item, key)
        elif isinstance(value, str) and value and (kind := _KIND_OF.get(_plain(key))):
            self.know(kind, value)

    def _learn_mapping(self, value: Mapping[str, Any], key: str) -> None:
        is_named_text = _KIND_OF.get(_plain(key)) is Kind.NAME
        for inner, item in value.items():
            meant = key if is_named_text else inner
            if inner == "name" and ("sid" in value or "num_participants" in value):
                meant = "identity" if "identity" in value else "room"
            elif inner == "name" and str(item) and self._is_of_room(str(item), value):
                continue
            if not _SAYS_NOTHING.search(inner):
                self.learn(item, "number" if inner.endswith("phoneNumber") else meant)

    def _is_of_room(self, name: str, rule: Mapping[str, Any]) -> bool:
        """Whether the name of a rule is made of that of its room, which is replaced in it."""
        kinds = rule.get("rule")
        inner = kinds.values() if isinstance(kinds, Mapping) else ()
        rooms = (one.get("room_name") or one.get("roomName") for one in inner if isinstance(one, Mapping))
        return any(room and room in name for room in rooms)

    def know(self, kind: Kind, original: str) -> None:
        """Make an alias of one name; a number, an address or a PIN is known by its plain form."""
        self._pattern = None
        if kind is Kind.NUMBER:
            digits = re.sub(r"\D", "", original)
            if digits and len(digits) >= len(original.strip()) - 4:
                self.aliases.alias(kind, digits.removeprefix("00"))
            elif digits != original:
                self.know(Kind.PERSON, original)
        elif kind is Kind.HOST:
            self._know_host(original)
        elif kind in {Kind.PERSON, Kind.NAME} and re.fullmatch(r"[A-Za-z_ ]*\+?\d{6,15}", original):
            self.know(Kind.NUMBER, re.sub(r"\D", "", original))
        elif kind is Kind.PIN and original not in _NO_PINS:
            self.aliases.alias(kind, original.strip("#"))
        elif kind is not Kind.PIN and not _is_mask(original):
            self.aliases.alias(kind, original)

    def _know_host(self, text: str) -> None:
        host = re.sub(r"^[a-z]+:(//)?", "", text, flags=re.IGNORECASE).rpartition("@")[2]
        host = host.partition("/")[0].partition(";")[0]
        host = host if host.count(":") > 1 else host.partition(":")[0]
        if host and not _as_address(host) and not host.replace(".", "").isdigit():
            self.aliases.alias(Kind.HOST, host)

    def value(self, value: Any, key: str = "") -> Any:  # noqa: ANN401 - any JSON value
        """The same JSON with every name replaced."""
        plain = _plain(key)
        if isinstance(value, Mapping):
            return {self.text(inner) if inner in self.aliases.made else inner: self.value(item, inner)
                    for inner, item in value.items()}  # fmt: skip
        if isinstance(value, list | tuple):
            return [self.value(item, key) for item in value]
        if _SECRET_KEY.search(plain) and value:
            return REMOVED
        if not isinstance(value, str) or plain in _OUR_WORDS:
            return value
        return self.aliases.made.get(value) or self.text(value)

    def text(self, text: str) -> str:
        """The same text with every name replaced."""
        for secret in self._secrets:
            text = text.replace(secret, REMOVED)
        self._pattern = self._pattern or self._compiled()
        return self._pattern.sub(self._replaced, text)

    def _compiled(self) -> re.Pattern[str]:
        names = [one for one, kind in self.aliases.kinds.items() if kind not in {Kind.NUMBER, Kind.PIN, Kind.ADDRESS}]
        digits = [one for one, kind in self.aliases.kinds.items() if kind in {Kind.NUMBER, Kind.PIN}]
        known = "|".join(map(_as_pattern, sorted(names, key=len, reverse=True)))
        runs = "|".join(map(re.escape, sorted(digits, key=len, reverse=True)))
        parts = {
            "secret": f"{_JWT}|{_FLAGGED}", "known": known, "uuid": _UUIDS, "phone": f"{_PHONE}|{_BARE_PHONE}",
            "digits": rf"(?<![\d.])(?:{runs})(?![\d.]*\d)" if runs else "",
            "address": f"(?:{_IPV6}|{_IPV4}){_WIDTH}",
            "host": f"{_AUTHORITY}|{_DOMAIN}", "folders": _FOLDERS,
        }  # fmt: skip
        return re.compile("|".join(f"(?P<{name}>{part})" for name, part in parts.items() if part))

    def _replaced(self, match: re.Match[str]) -> str:
        found = match[0]
        return _REPLACERS[str(match.lastgroup)](self, found)

    def _known(self, found: str) -> str:
        return self.aliases.made[found]

    def _phone(self, found: str) -> str:
        sign = "+" if found[0] == "+" else "00" if found[:2] == "00" else found[:3] if found[0] == "%" else ""
        digits = re.sub(r"\D", "", found[len(sign) :])
        return sign + self.aliases.alias(Kind.NUMBER, digits)

    def _uuid(self, found: str) -> str:
        return self.aliases.alias(Kind.ROOM, found)

    def _address(self, found: str) -> str:
        """An address, or a network, whose bits behind the mask are none of an address."""
        text, slash, width = found.partition("/")
        address = _as_address(text)
        if not address:
            return found
        alias = self.aliases.alias(Kind.ADDRESS, address)
        try:
            return str(ipaddress.ip_network(f"{alias}/{width}", strict=False)) if slash else alias
        except ValueError:
            return alias + slash + width

    def _host(self, found: str) -> str:
        if found == "localhost" or found.endswith(".example"):
            return found
        if address := _as_address(found):
            return self.aliases.alias(Kind.ADDRESS, address)
        return self.aliases.alias(Kind.HOST, found)


_REPLACERS: Final[Mapping[str, Callable[[Replacer, str], str]]] = {
    "secret": lambda _, __: REMOVED,
    "known": Replacer._known,  # noqa: SLF001 - their own class
    "digits": Replacer._known,  # noqa: SLF001
    "phone": Replacer._phone,  # noqa: SLF001
    "uuid": Replacer._uuid,  # noqa: SLF001
    "address": Replacer._address,  # noqa: SLF001
    "host": Replacer._host,  # noqa: SLF001
    "folders": lambda _, __: "…/",
}


def _plain(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


def _is_mask(text: str) -> bool:
    return not text.strip("•*")


def _as_pattern(name: str) -> str:
    quoted = re.escape(name)
    return rf"(?<![^\W_]){quoted}(?![^\W_])" if len(name) < _SHORT else quoted


def _as_address(text: str) -> str:
    """The text as an address is written, "" if it is none."""
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return ""
