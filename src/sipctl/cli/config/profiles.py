"""`sipctl config profiles`."""

import os
from typing import Annotated, Final, TypedDict

import typer

from sipctl.cli.command import WritingCommand
from sipctl.cli.config.common import write_config
from sipctl.cli.session import Session
from sipctl.command_line import CommandLine
from sipctl.config.databases import registry_place
from sipctl.config.profile import choose_config_path, choose_profile, profile_names
from sipctl.config.reading import read_text
from sipctl.config.writing import with_default
from sipctl.errors import Cause, ConfigError, SipctlError, UsageError
from sipctl.masking import shown_url
from sipctl.output.formats import Detail, Listing

_UNREADABLE: Final = "cannot be read"


class ProfileRow(TypedDict):
    """A profile: whether it is the default, its server ("" = none), whether it is protected, and where its PINs are.

    `fault` says why a profile cannot be read ("" = it can).
    """

    name: str
    default: bool
    url: str
    protected: bool
    registry: str
    fault: str


class DefaultRow(TypedDict):
    """The profile that was made the default, or would be, and the file that says so."""

    path: str
    default_profile: str
    applied: bool


PRINTS: Final = {"profiles": list[ProfileRow], "default-profile": DefaultRow}
KIND: Final = WritingCommand


def run(
    ctx: typer.Context,
    action: Annotated[str | None, typer.Argument(metavar="ACTION", help="`use` makes NAME the default.")] = None,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The profile to use.")] = None,
) -> None:
    """List the profiles of the configuration file, or choose the default one.

    Everything else in the file keeps its bytes; the old file is kept as .bak.

    \b
    Examples:
      sipctl config profiles
      sipctl config profiles -o json
      sipctl config profiles use prod
    """
    session = Session.of(ctx)
    if action is None:
        session.emit(_list_view(session))
    elif action == "use" and name is not None:
        session.emit(_use(session, name))
    else:
        raise UsageError(f"config profiles takes `use NAME`, or nothing, not {action!r}")


def _list_view(session: Session) -> Listing[ProfileRow]:
    config = session.options.config
    names = profile_names(config, os.environ)
    chosen = choose_profile(config, None, os.environ) if names else None
    return Listing(
        schema="sipctl/profiles/v1",
        things="profiles",
        items=[_row(session, name, is_default=chosen is not None and chosen.name == name) for name in names],
        columns=("profile", "default", "server", "protected", "registry"),
        row=lambda one: (
            one["name"], "yes" if one["default"] else "", (one["fault"] and _UNREADABLE) or one["url"] or "not set",
            "yes" if one["protected"] else "", one["registry"],
        ),
        record=lambda one: one,
        name=lambda one: one["name"],
    )  # fmt: skip


def _row(session: Session, name: str, *, is_default: bool) -> ProfileRow:
    try:
        settings = session.settings_of(name)
    except SipctlError as error:
        return ProfileRow(name=name, default=is_default, url="", protected=False, registry="", fault=error.message)
    connection = settings.connection_or_none
    return ProfileRow(
        name=name, default=is_default, url=shown_url(connection.url) if connection else "",
        protected=settings.protected, registry=registry_place(settings), fault="",
    )  # fmt: skip


def _use(session: Session, name: str) -> Detail:
    """Make a profile the default.

    Raises:
        ConfigError: there is no such profile, or the file cannot be changed.
    """
    path = choose_config_path(session.options.config, os.environ)
    names = profile_names(session.options.config, os.environ)
    if name not in names:
        raise ConfigError(
            f"no profile {name!r} in {path}", code=Cause.NO_PROFILE,
            hint=(CommandLine.of("config", "profiles"), " lists those that there are"),
        )  # fmt: skip
    text = with_default(read_text(path), path, name)
    is_applied = not session.options.dry_run
    if is_applied:
        write_config(path, text, force=True)
    lines = (("default profile" if is_applied else "would use", name), ("file", str(path)))
    record = DefaultRow(path=str(path), default_profile=name, applied=is_applied)
    return Detail(schema="sipctl/default-profile/v1", lines=lines, record=record, name=name)
