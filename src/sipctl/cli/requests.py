"""From options to the thing they ask for."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sipctl.cli.stdin import STDIN, read_document, read_secret_line
from sipctl.command_line import CommandLine
from sipctl.config.model import Settings
from sipctl.errors import UsageError
from sipctl.lkapi.requests import rule_request_from_json, trunk_request_from_json
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.secret import Secret

if TYPE_CHECKING:
    from sipctl.registry.store import Holding


def rule_request(
    settings: Settings,
    *,
    room: str | None,
    pin_stdin: bool,
    held: "Holding | None",
    trunks: list[str] | None,
    name: str | None,
    file: Path | None,
) -> DispatchRule:
    """The rule that `rules create` is asked for; options go over what the file says, and what the registry holds.

    Raises:
        UsageError: neither a room nor a file, or both the PIN and the file from stdin.
    """
    if file is None and room is None:
        raise UsageError("no room to send callers to", hint="give `--room NAME` or `--from-file FILE`")
    if file == STDIN and pin_stdin:
        raise UsageError("--pin-stdin and --from-file - both read stdin", hint="put the rule into a file")
    rule = rule_request_from_json(read_document(file)) if file else DispatchRule(trunk_ids=settings.trunk_ids or ())
    if pin_stdin and held:
        raise UsageError("--pin-stdin and --pin-from-registry exclude each other")
    if room is not None:
        rule = replace(rule, room_name=held.room if held else room)
    if pin_stdin or held:
        rule = replace(rule, pin=held.pin if held else read_secret_line("PIN"))
    if trunks:
        rule = replace(rule, trunk_ids=tuple(trunks))
    return replace(rule, name=_name(settings, rule, name))


def _name(settings: Settings, rule: DispatchRule, name: str | None) -> str:
    return name if name is not None else rule.name or settings.mark.name_for(rule.room_name)


def trunk_request(
    *,
    numbers: list[str] | None,
    name: str | None,
    allowed_addresses: list[str] | None,
    auth_username: str | None,
    password_stdin: bool,
    file: Path | None,
) -> InboundTrunk:
    """The inbound trunk that `trunk create` is asked for; options go over what the file says.

    Raises:
        UsageError: both the password and the file from stdin.
    """
    if file == STDIN and password_stdin:
        raise UsageError("--password-stdin and --from-file - both read stdin", hint="put the trunk into a file")
    trunk = trunk_request_from_json(read_document(file)) if file else InboundTrunk()
    wanted = {
        "numbers": tuple(numbers) if numbers else None,
        "name": name,
        "allowed_addresses": tuple(allowed_addresses) if allowed_addresses else None,
        "auth_username": auth_username,
        "auth_password": Secret(read_secret_line("password")) if password_stdin else None,
    }
    return replace(trunk, **given(wanted))


def given(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that somebody gave a value for."""
    return {field: value for field, value in wanted.items() if value is not None}


def rule_edits(
    *,
    room: str | None,
    pin_stdin: bool,
    no_pin: bool,
    name: str | None,
    metadata: str | None,
    trunks: tuple[str, ...] | None,
    numbers: tuple[str, ...] | None,
    callers: tuple[str, ...] | None,
    hide_phone_number: bool | None,
) -> Mapping[str, Any]:
    """The fields that `rules update` is asked to change.

    Raises:
        UsageError: none at all, or two that exclude each other.
    """
    if pin_stdin and no_pin:
        raise UsageError("--pin-stdin and --no-pin exclude each other")
    pin = "" if no_pin else read_secret_line("PIN") if pin_stdin else None
    wanted = {
        "room_name": room,
        "pin": pin,
        "name": name,
        "metadata": metadata,
        "trunk_ids": trunks,
        "numbers": numbers,
        "inbound_numbers": callers,
        "hide_phone_number": hide_phone_number,
    }
    edits = given(wanted)
    if not edits:
        raise UsageError("nothing to change", hint=(CommandLine.of("rules", "update", "--help"), " shows what can be"))
    return edits


def chosen(what: str, values: list[str] | None, any_one: bool) -> tuple[str, ...] | None:
    """What `--WHAT`, repeated, and `--any-WHAT` say of a list: None = nothing, so that it stays.

    Raises:
        UsageError: both were given.
    """
    if values and any_one:
        raise UsageError(f"--{what} and --any-{what} exclude each other")
    return () if any_one else tuple(values) if values else None


def trunk_edits(
    *,
    numbers: tuple[list[str] | None, bool],
    addresses: tuple[list[str] | None, bool],
    callers: tuple[list[str] | None, bool],
    name: str | None,
) -> Mapping[str, Any]:
    """The fields that `trunk update` is asked to change; of each list what was given, and whether `--any-…` was.

    Raises:
        UsageError: none at all, or two that exclude each other.
    """
    wanted = {
        "numbers": chosen("number", *numbers),
        "allowed_addresses": chosen("allowed-address", *addresses),
        "allowed_numbers": chosen("caller", *callers),
        "name": name,
    }
    edits = given(wanted)
    if not edits:
        raise UsageError("nothing to change", hint=(CommandLine.of("trunk", "update", "--help"), " shows what can be"))
    return edits
