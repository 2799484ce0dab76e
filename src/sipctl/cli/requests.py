"""Request files of LiveKit's, or stdin for `-`; LiveKit's protobuf reads them, and is loaded where one is given."""

from pathlib import Path
from types import ModuleType

from sipctl.cli.inputs import named, read_document
from sipctl.errors import UsageError
from sipctl.telephony.model import DispatchRule, InboundTrunk


def read_rule_request(path: Path) -> DispatchRule:
    """The rule of a request file.

    Raises:
        UsageError: it cannot be read, is not JSON, or LiveKit has no such field or value.
    """
    rule: DispatchRule = _reader().rule_request_from_json(read_document(path))
    return rule


def read_trunk_request(path: Path) -> InboundTrunk:
    """The trunk of a request file.

    Raises:
        UsageError: as of a rule's.
    """
    trunk: InboundTrunk = _reader().trunk_request_from_json(read_document(path))
    return trunk


def read_requests(path: Path, hint: str) -> list[DispatchRule | InboundTrunk]:
    """The create requests of one file, of rules and of trunks; `hint` says what such a file holds.

    Raises:
        UsageError: there is none in it, or one that LiveKit cannot read.
    """
    try:
        requests: list[DispatchRule | InboundTrunk] = _reader().requests_from_json(read_document(path))
    except UsageError as error:
        raise UsageError(f"{named(path)}: {error.message}", hint=error.advice or hint) from None
    if not requests:
        raise UsageError(f"there is no request in {named(path)}", hint=hint)
    return requests


def _reader() -> ModuleType:
    from sipctl.lkapi import requests

    return requests
