"""Files of routing tests: read from TOML, YAML or JSON lines, and proposed from what is so now."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import tomli_w

from sipctl.config.reading import sprawl
from sipctl.errors import UsageError
from sipctl.telephony.addresses import mask_network
from sipctl.telephony.explaining.expectation import Case, Expectation
from sipctl.telephony.explaining.explanation import by_source
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.call_reading import call_from_json
from sipctl.telephony.matching.route import Result, route
from sipctl.telephony.matching.table import RoutingTable
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.site import Site

_HINT: Final = "a test is {name, from, to, source_ip, pin, expect: {outcome, room, rule, trunk, must_not_reach}}"
_LINES_LIMIT: Final = 100_000
"""The most lines of TOML: some 10,000 tests."""
_EXPECTED: Final = ("outcome", "room", "rule", "trunk", "must_not_reach")


def read_cases(text: str, suffix: str, called: str | None) -> list[Case]:
    """The tests of a file: its `calls`, each with the file's `defaults` under it; of JSON lines each line is one.

    `suffix` tells the kind of file (".yaml", ".yml", ".jsonl", else TOML), `called` the number dialled where none is.

    Raises:
        UsageError: it cannot be read, holds no test, or one of them makes no sense.
    """
    rows = list(_rows(text, suffix))
    if not rows:
        raise UsageError("there is no test in the file", hint=_HINT)
    return [_case(row, number, called) for number, row in enumerate(rows, 1)]


def _rows(text: str, suffix: str) -> Iterator[object]:
    if suffix in {".yaml", ".yml"}:
        from sipctl.config.yamlfile import parse_yaml

        file = parse_yaml(Path("tests"), text)
        if file.faults:
            described = f"the tests, line {file.faults[0].line}: {file.faults[0].message}"
            raise UsageError(described, hint="many tests are read faster as TOML or JSON lines")
        yield from _with_defaults(file.root)
    elif suffix == ".jsonl" or text.lstrip().startswith("{"):
        yield from _lines(text)
    else:
        if found := sprawl(text, _LINES_LIMIT):
            raise UsageError(f"the tests, line {found.line}: {found.message}")
        try:
            yield from _with_defaults(tomllib.loads(text))
        except (ValueError, RecursionError) as error:
            raise UsageError(f"the tests are not TOML: {error}", hint=_HINT) from None


def _lines(text: str) -> Iterator[object]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"line {number} is not JSON: {error}", hint=_HINT) from None


def _with_defaults(value: Mapping[str, Any]) -> Iterator[object]:
    calls, defaults = value.get("calls", []), value.get("defaults", {})
    if not isinstance(calls, list) or not isinstance(defaults, Mapping):
        raise UsageError("`calls` is no list, or `defaults` no table", hint=_HINT)
    yield from ({**defaults, **row} if isinstance(row, Mapping) else row for row in calls)


def _case(row: object, number: int, called: str | None) -> Case:
    if not isinstance(row, Mapping):
        raise UsageError(f"test {number} is no table", hint=_HINT)
    own = dict(row)
    expected, name = own.pop("expect", None), str(own.pop("name", "") or own.get("id") or f"test {number}")
    try:
        return Case(name=name, call=call_from_json(own, called), expected=_expectation(expected))
    except UsageError as error:
        raise UsageError(f"{name}: {error.message}", hint=error.advice or _HINT) from None


def _expectation(value: object) -> Expectation:
    if not isinstance(value, Mapping) or not value:
        raise UsageError("it expects nothing")
    wrong = sorted(str(key) for key in value.keys() - set(_EXPECTED))
    if wrong:
        raise UsageError(f"{wrong[0]!r} is nothing that can be expected", hint=f"one of {', '.join(_EXPECTED)}")
    rooms = value.get("must_not_reach", [])
    texts = {key: value[key] for key in ("room", "rule", "trunk") if key in value}
    for text in (*texts.values(), *(rooms if isinstance(rooms, list) else [rooms])):
        if not isinstance(text, str):
            raise UsageError(f"{text!r} is no text", hint="write names in quotes")
    outcome = _outcome(value["outcome"]) if "outcome" in value else None
    return Expectation(outcome=outcome, must_not_reach=tuple(rooms) if isinstance(rooms, list) else (rooms,), **texts)


def _outcome(word: object) -> Result:
    if word not in set(Result):
        raise UsageError(f"{word!r} is no outcome", hint=f"one of {', '.join(Result)}")
    return Result(str(word))


_CALLER: Final = "+15550100"
_NOWHERE: Final = "+15550199"
_HEAD: Final = """\
# Routing tests: `sipctl rules test FILE` runs them against the live server, with --offline against a snapshot.
# A test is a call (from, to, from_host, to_host, source_ip, pin) and what is expected of it: outcome (accept,
# request_pin, drop, auth_required, error), room, rule, trunk, and the rooms that it must_not_reach.
# `[defaults]` holds what all calls share. The PINs in here open rooms: keep the file to yourself.

"""


def propose_cases(site: Site, called: str | None) -> str:
    """A file of tests that all pass now: each number without a PIN, each rule with its own, a number that is none."""
    table = RoutingTable(site.lists.trunks, site.lists.rules)
    calls = [case for call, name in _calls(site, called) if (case := _proposal(table, call, name))]
    return _HEAD + tomli_w.dumps({"calls": calls})


def _calls(site: Site, called: str | None) -> Iterator[tuple[Call, str]]:
    """The calls worth a test, with names for them."""
    trunks = {trunk.sip_trunk_id: trunk for trunk in site.lists.trunks}
    for trunk in trunks.values():
        for number in trunk.numbers[:1] or filter(None, (called,)):
            yield _call_through(trunk, number), f"{trunk.name or trunk.sip_trunk_id}, nothing typed"
    for rule in site.lists.rules:
        own = next((trunks[one] for one in rule.trunk_ids if one in trunks), None)
        trunk_of = own or next(iter(trunks.values()), None)
        number = rule.numbers[0] if rule.numbers else _number(trunk_of, called)
        name = f"{rule.name or rule.sip_dispatch_rule_id}, {'its PIN' if rule.pin else '# alone'}"
        yield _call_through(trunk_of, number, rule), name
    yield _call_through(None, _NOWHERE), "a number that no one has"


def _number(trunk: InboundTrunk | None, called: str | None) -> str:
    return normalize_number(trunk.numbers[0]) if trunk and trunk.numbers else called or _NOWHERE


def _call_through(trunk: InboundTrunk | None, number: str, rule: DispatchRule | None = None) -> Call:
    """A call that the trunk and the rule let through."""
    callers = (rule.inbound_numbers if rule else ()) or (trunk.allowed_numbers if trunk else ()) or (_CALLER,)
    networks = (mask_network(mask) for mask in (trunk.allowed_addresses if trunk else ()))
    source = next((str(network.network_address) for network in networks if network), "")
    return Call(to_user=number, from_user=callers[0], source_ip=source, pin=rule.pin if rule else None)


def _proposal(table: RoutingTable, call: Call, name: str) -> Mapping[str, Any] | None:
    """The test that holds now; None where only an error could be expected."""
    variants = by_source(table, call)
    final = (variants[0].outcome if variants else route(table, call)).final
    if final.result is Result.ERROR:
        return None
    expected: dict[str, Any] = {"outcome": final.result.value}
    if final.landing and not final.landing.randomized:
        expected["room"] = final.landing.room
    given = {"to": call.to_user, "from": call.from_user, "source_ip": call.source_ip, "pin": call.pin}
    known = {key: value for key, value in given.items() if value is not None and (value or key == "pin")}
    return {"name": name, **known, "expect": expected}
