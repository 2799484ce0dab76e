"""Other names for what a stranger must not read, one-to-one, kept on this machine alone."""

import hmac
import ipaddress
import json
import re
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from sipctl.config.own_files import secure
from sipctl.errors import UncheckedError
from sipctl.files import write_private

FILE: Final = "bundle-names.json"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NETWORKS: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
_KEPT_NETWORKS: Final = tuple(map(ipaddress.ip_network, _NETWORKS))
"""An address of one of these stays in it, for that is half of what an address says."""


class Kind(StrEnum):
    """What is replaced."""

    PIN = "pin"
    NUMBER = "number"
    HOST = "host"
    ADDRESS = "address"
    ROOM = "room"
    PERSON = "person"
    NAME = "name"


@dataclass(slots=True)
class Aliases:
    """The alias of each original. What is alike stays alike: lengths of PINs and numbers, networks of addresses."""

    key: bytes
    made: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def alias(self, kind: Kind, original: str) -> str:
        """What stands for the original, the same each time."""
        if original not in self.made:
            made = _MAKERS[kind](self, original)
            self.made[original] = made
            self.kinds[original] = kind
            self._taken.add(made)
        return self.made[original]

    def numbered(self, form: Callable[[int], str]) -> str:
        """The first of a row of names that is neither in use nor an original."""
        number = len(self.made) + 1
        while (name := form(number)) in self._taken or name in self.made:
            number += 1
        return name


def _pin(aliases: Aliases, original: str) -> str:
    """Digits for digits and letters for letters."""
    drawn = original
    while drawn in aliases.made or drawn in aliases._taken or drawn == original:  # noqa: SLF001 - a maker of them
        drawn = "".join(map(_like, original))
        if len(original) <= 1:
            break
    return drawn


def _like(character: str) -> str:
    for kind in (string.digits, string.ascii_letters):
        if character in kind:
            return secrets.choice(kind)
    return character


def _number(aliases: Aliases, digits: str) -> str:
    """So many digits behind 999, which is no country; extensions begin with 9."""
    start = "999" if len(digits) > 6 else "9"
    return aliases.numbered(lambda number: f"{start}{number:0{max(len(digits) - len(start), 1)}d}")


def _room(aliases: Aliases, original: str) -> str:
    if _UUID.fullmatch(original):
        return aliases.numbered(lambda number: f"00000000-0000-4000-8000-{number:012d}")
    return aliases.numbered(lambda number: f"room-{number}")


def _address(aliases: Aliases, original: str) -> str:
    """Another address. Two that share their first bits still share as many, so networks hold what they held."""
    address = ipaddress.ip_address(original)
    if address.is_loopback or address.is_unspecified:
        return original
    width, value = address.max_prefixlen, int(address)
    kept = next((net.prefixlen for net in _KEPT_NETWORKS if net.version == address.version and address in net), 0)
    changed = value
    for at in range(kept, width):
        first_bits = f"{width}/{at}/{value >> (width - at)}"
        if hmac.digest(aliases.key, first_bits.encode(), "sha256")[0] & 1:
            changed ^= 1 << (width - at - 1)
    return str(type(address)(changed))


_MAKERS: Final[dict[Kind, Callable[[Aliases, str], str]]] = {
    Kind.PIN: _pin,
    Kind.NUMBER: _number,
    Kind.ADDRESS: _address,
    Kind.ROOM: _room,
    Kind.HOST: lambda aliases, _: aliases.numbered(lambda number: f"host{number}.example"),
    Kind.PERSON: lambda aliases, _: aliases.numbered(lambda number: f"person-{number}"),
    Kind.NAME: lambda aliases, _: aliases.numbered(lambda number: f"name-{number}"),
}


def open_aliases(folder: Path) -> Aliases:
    """The aliases of earlier bundles of this machine.

    Raises:
        UncheckedError: the file cannot be read, or is damaged.
        SafeguardError: it is a link, or cannot be closed to others.
    """
    path = folder / FILE
    secure(path)
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        aliases = Aliases(bytes.fromhex(held["key"]))
        for original, (kind, made) in held["names"].items():
            aliases.made[original], aliases.kinds[original] = made, Kind(kind)
            aliases._taken.add(made)  # noqa: SLF001 - its own maker
    except FileNotFoundError:
        return Aliases(secrets.token_bytes(16))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UncheckedError(f"cannot read {path}: {error}", hint=f"without {path} new names are made") from error
    return aliases


def save_aliases(folder: Path, aliases: Aliases) -> None:
    """Keep the aliases for the next bundle, and for reading an answer back.

    Raises:
        UncheckedError: the file cannot be written.
    """
    names = {original: [aliases.kinds[original], made] for original, made in aliases.made.items()}
    path = folder / FILE
    secure(path)
    write_private(path, [json.dumps({"key": aliases.key.hex(), "names": names}, ensure_ascii=False, indent=0) + "\n"])
