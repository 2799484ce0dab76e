"""From options to the thing they ask for."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sipctl.cli.inputs import STDIN, check_stdin, read_document, read_secret_line
from sipctl.cli.options import chosen, given
from sipctl.command_line import CommandLine
from sipctl.errors import UsageError
from sipctl.lkapi.requests import trunk_request_from_json
from sipctl.telephony.model import InboundTrunk
from sipctl.telephony.secret import Secret


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
    check_stdin({"--password-stdin": password_stdin, "--from-file -": file == STDIN}, "put the trunk into a file")
    trunk = trunk_request_from_json(read_document(file)) if file else InboundTrunk()
    wanted = {
        "numbers": tuple(numbers) if numbers else None,
        "name": name,
        "allowed_addresses": tuple(allowed_addresses) if allowed_addresses else None,
        "auth_username": auth_username,
        "auth_password": Secret(read_secret_line("password")) if password_stdin else None,
    }
    return replace(trunk, **given(wanted))


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
