"""Routing against `json.loads` of the same snapshot, in one process; then what many calls cost, and whole commands."""

import gc
import json
import tempfile
from pathlib import Path

from sipctl.config.model import Settings
from sipctl.doctor.lint import lint
from sipctl.doctor.runner import Plan
from sipctl.operations.site import site_of
from sipctl.telephony.explaining.explanation import explain
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.route import route
from sipctl.telephony.matching.table import RoutingTable
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.snapshot import read_snapshot
from tests.benchmarks.ratios import best, python, show

NUMBER, CALLER = "+33199000001", "+33612345678"
CALL = Call(to_user=NUMBER, from_user=CALLER, source_ip="192.0.2.7")


def snapshot(count: int) -> str:
    """As many rules as Meet writes for as many live rooms, and a provider's trunk."""
    rooms = [f"8a1b6c52-0d34-4c8e-9f2a-{at:012}" for at in range(count)]
    rules = [
        DispatchRule(sip_dispatch_rule_id=f"SDR_{at:012}", name=f"SIP_{room}", room_name=room, pin=f"{at:010}")
        for at, room in enumerate(rooms)
    ]
    trunk = {"sip_trunk_id": "ST_provider", "name": "provider", "numbers": [NUMBER]}
    return json.dumps({"trunks": [trunk], "rules": [rule_to_json(rule) for rule in rules]})


def explain_one(text: str) -> None:
    explain(site_of(Settings(), read_snapshot([text])), CALL)


def route_calls(table: RoutingTable, count: int) -> None:
    for at in range(count):
        route(table, Call(to_user=NUMBER, from_user=CALLER, pin=f"{at:010}"))


def main() -> None:
    gc.disable()  # as in a command
    text = snapshot(10_000)
    floor = best(lambda: json.loads(text))
    show("explain one call, 10,000 rules", best(lambda: explain_one(text)), floor, 2)
    show("lint 10,000 rules", best(lambda: lint(Settings(), read_snapshot([text]), Plan()), 5), floor, 4)
    tables = {}
    for count in (1_000, 10_000):
        read = read_snapshot([snapshot(count)])
        tables[count] = RoutingTable(read.trunks or (), read.rules or ())
    thousand = best(lambda: route_calls(tables[1_000], 1_000), 3)
    show(
        "10,000 calls on 1,000 rules, against 1,000", best(lambda: route_calls(tables[1_000], 10_000), 3), thousand, 10
    )
    show("1,000 calls on 10,000 rules, against 1,000", best(lambda: route_calls(tables[10_000], 1_000), 3), thousand, 1)
    with tempfile.TemporaryDirectory() as folder:
        whole_commands(Path(folder), text)


def whole_commands(folder: Path, text: str) -> None:
    """Processes with all their imports, against a Python that reads the same file."""
    path, calls = folder / "snapshot.json", folder / "calls.jsonl"
    path.write_text(text)
    calls.write_text(
        "".join(json.dumps({"to": NUMBER, "from": CALLER, "pin": f"{at:010}"}) + "\n" for at in range(10_000))
    )
    env = {"HOME": "/nonexistent"}
    floor = best(python("-c", f"import json; json.load(open({str(path)!r}))"), 5)
    words = ("-m", "sipctl", "rules")
    call = ("explain", "--to", NUMBER, "--from", CALLER, "--offline", str(path))
    show("rules explain, the process", best(python(*words, *call, env=env), 5), floor, 6)
    many = ("explain", "--calls", str(calls), "--offline", str(path), "-o", "jsonl")
    show("rules explain --calls of 10,000, the process", best(python(*words, *many, env=env), 3), floor, 40)
    show("rules lint, the process", best(python(*words, "lint", "--offline", str(path), env=env), 3), floor, 14)


if __name__ == "__main__":
    main()
