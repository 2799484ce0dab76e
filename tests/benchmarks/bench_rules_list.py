"""`rules list -o json` against a raw livekit-api script that lists and dumps the same; then ten times as many rules."""

from livekit.protocol.sip import SIPDispatchRule, SIPDispatchRuleDirect, SIPDispatchRuleInfo

from sipctl.sandbox.server import Sandbox, running_sandbox
from tests.benchmarks.ratios import best, python, show

RAW = """
import asyncio, json, sys
from google.protobuf.json_format import MessageToDict
from livekit import api
async def main():
    async with api.LiveKitAPI() as livekit:
        answer = await livekit.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest())
        rules = [MessageToDict(rule, preserving_proto_field_name=True) for rule in answer.items]
        json.dump({"items": rules}, sys.stdout)
asyncio.run(main())
"""


def plant(sandbox: Sandbox, count: int) -> None:
    for at in range(count):
        direct = SIPDispatchRuleDirect(room_name=f"room-{at}", pin=f"{at:010}")
        rule = SIPDispatchRule(dispatch_rule_direct=direct)
        identifier = f"SDR_{at:012}"
        sandbox.store.rules[identifier] = SIPDispatchRuleInfo(
            sip_dispatch_rule_id=identifier, rule=rule, name=f"SIP_room-{at}", metadata="{}"
        )


def main() -> None:
    with running_sandbox() as sandbox:
        env = {"LIVEKIT_URL": sandbox.url, "LIVEKIT_API_KEY": sandbox.api_key, "HOME": "/nonexistent"}
        env["LIVEKIT_API_SECRET"] = sandbox.api_secret.reveal()
        ours = python("-m", "sipctl", "rules", "list", "-o", "json", env=env)
        doctor = python("-m", "sipctl", "doctor", "--settle", "0", "-o", "json", "--only", "RUL", env=env)
        plant(sandbox, 10_000)
        ten_thousand = best(ours)
        show("rules list, 10,000", ten_thousand, best(python("-c", RAW, env=env)), 1.3)
        sandbox.join("room-1", "alice")
        show("doctor, 10,000 rules, against listing them", best(doctor, 3), ten_thousand, 2)
        plant(sandbox, 100_000)
        show("rules list, 100,000, against 10,000", best(ours, 3), ten_thousand, 10)


if __name__ == "__main__":
    main()
