"""Finding the component files of an installation: Meet's env files, livekit and sip yaml, a compose JSON."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sipctl.config.envfile import parse_env_file
from sipctl.config.kinds import File, Kind, detect_kind
from sipctl.config.reading import read_text
from sipctl.errors import ConfigError

_DEPTH: Final = 4
_FILES_LIMIT: Final = 10_000
"""The most files that are looked at: an installation has some hundreds, a home folder a million."""
_SKIPPED_FOLDERS: Final = frozenset({".git", "node_modules", "__pycache__", ".venv", "site-packages"})
_OTHERS: Final = (".md", ".py", ".lock")
_TEMPLATE: Final = re.compile(
    r"([._-]dist|(\A|[._-])(example|sample|template)s?)([._-](ya?ml|json|toml|env|conf))?\Z", re.IGNORECASE
)
"""Names of files and folders that are copied and filled in: common.dist, config.example.yaml, docs/examples."""
_NAMED_FOR: Final = {Kind.LIVEKIT: ("livekit", "server"), Kind.SIP: ("sip",)}
_RELEVANT: Final = ("LIVEKIT_", "ROOM_TELEPHONY_")
DATABASE: Final = frozenset({"DB_HOST", "DB_NAME", "DATABASE_URL"})
_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The files of one installation. Env files are in the order in which they are read: later ones win."""

    env_files: tuple[Path, ...] = ()
    livekit_yaml: Path | None = None
    sip_yaml: Path | None = None
    compose_json: Path | None = None
    manifests: tuple[Path, ...] = ()


def discover(folder: Path) -> Found:
    """Look through a folder, four levels deep, and past every template in it.

    Of several files of a kind one that is named for it is taken, and of these the first by name.

    Raises:
        ConfigError: it is no folder that can be read, or holds over 10,000 files.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder", hint="--from takes the folder of the installation")
    texts = dict(_texts(folder))
    kinds = {path: detect_kind(path, text) for path, text in texts.items()}
    of_kind = {kind: [path for path in texts if kinds[path] is kind] for kind in Kind}
    first = {kind: min(paths, key=partial(_is_named_otherwise, kind), default=None) for kind, paths in of_kind.items()}
    return Found(
        env_files=_env_order([(path, texts[path]) for path in of_kind[Kind.ENV]]),
        livekit_yaml=first[Kind.LIVEKIT],
        sip_yaml=first[Kind.SIP],
        compose_json=first[Kind.COMPOSE],
        manifests=tuple(of_kind[Kind.KUBERNETES]),
    )


def found_files(folder: Path) -> list[File]:
    """The same files as a list, each with its kind.

    Raises:
        ConfigError: as of `discover`, or there is none.
    """
    found = discover(folder)
    single = ((found.livekit_yaml, Kind.LIVEKIT), (found.sip_yaml, Kind.SIP), (found.compose_json, Kind.COMPOSE))
    files: list[File] = [
        *((path, Kind.ENV) for path in found.env_files),
        *((path, kind) for path, kind in single if path),
        *((path, Kind.KUBERNETES) for path in found.manifests),
    ]
    if not files:
        raise ConfigError(f"{folder} holds no configuration file that sipctl knows", hint="name the files themselves")
    return files


def _is_named_otherwise(kind: Kind, path: Path) -> bool:
    return not any(word in path.stem.lower() for word in _NAMED_FOR.get(kind, ()))


def _texts(folder: Path) -> Iterator[tuple[Path, str]]:
    looked_at = 0
    for place, folders, names in os.walk(folder):
        looked_at += len(names)
        if looked_at > _FILES_LIMIT:
            raise ConfigError(f"{folder} holds over {_FILES_LIMIT:,} files", hint="name the installation's own folder")
        below = len(Path(place).relative_to(folder).parts)
        kept = (name for name in set(folders) - _SKIPPED_FOLDERS if not _TEMPLATE.search(name))
        folders[:] = sorted(kept) if below < _DEPTH else []
        for name in sorted(names):
            path = Path(place, name)
            if not (_TEMPLATE.search(name) or name.endswith(_OTHERS)) and path.is_file():
                try:
                    yield path, read_text(path)
                except ConfigError:
                    continue  # pictures and archives: none of them is a configuration file


def _env_order(files: Sequence[tuple[Path, str]]) -> tuple[Path, ...]:
    """The env files of Meet, each behind those that define what it refers to by `${X}`; else `.env` first, then names.

    Meet's files are those that speak of LiveKit or telephony, those beside them that name its database, and all
    that these refer to.
    """
    names = {path: set(parse_env_file(path, text, {}).entries) for path, text in files}
    needs = {path: set(_REFERENCE.findall(text)) - names[path] for path, text in files}
    chosen = {path for path in names if any(name.startswith(_RELEVANT) for name in names[path])}
    folders = {path.parent for path in chosen}
    chosen |= {path for path in names if path.parent in folders and not names[path].isdisjoint(DATABASE)}
    while more := {path for path in names if path not in chosen and any(needs[one] & names[path] for one in chosen)}:
        chosen |= more
    waiting = sorted(chosen, key=lambda path: (path.name != ".env", path))
    ordered: list[Path] = []
    while waiting:
        free = (path for path in waiting if not any(needs[path] & names[other] for other in waiting if other != path))
        ordered.append(next(free, waiting[0]))  # files that refer to each other come by name
        waiting.remove(ordered[-1])
    return tuple(ordered)
