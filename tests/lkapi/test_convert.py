"""LiveKit's messages to our model and back, with nothing lost on the way."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol.sip import SIPDispatchRuleInfo

from sipctl.lkapi.convert import rule_from_message, rule_to_message
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.livekit_reading import rule_from_json
from sipctl.telephony.model import DispatchRule, RuleKind

TEXT = st.text(max_size=8)
LISTS = st.lists(TEXT, max_size=3).map(tuple)
TIMES = st.sampled_from([None, "2026-01-02T03:04:05Z", "1970-01-01T00:00:00.500Z"])
MEDIA: list[dict[str, Any] | None] = [
    None, {"only_listed_codecs": False, "codecs": []}, {"only_listed_codecs": True, "codecs": []},
]  # fmt: skip


@st.composite
def rules(draw: st.DrawFn) -> DispatchRule:
    kind = draw(st.sampled_from([*RuleKind, None]))
    typed: dict[str, Any] = {"room_name": draw(TEXT), "pin": draw(TEXT)} if kind else {}
    if kind not in {None, RuleKind.DIRECT}:
        typed["randomized"] = draw(st.booleans())
    return DispatchRule(
        sip_dispatch_rule_id=draw(TEXT),
        kind=kind,
        **typed,
        trunk_ids=draw(LISTS),
        inbound_numbers=draw(LISTS),
        numbers=draw(LISTS),
        name=draw(TEXT),
        metadata=draw(TEXT),
        attributes=draw(st.dictionaries(TEXT, TEXT, max_size=3)),
        room_preset=draw(TEXT),
        media=draw(st.sampled_from(MEDIA)),
        hide_phone_number=draw(st.booleans()),
        krisp_enabled=draw(st.booleans()),
        media_encryption=draw(st.sampled_from(["SIP_MEDIA_ENCRYPT_DISABLE", "SIP_MEDIA_ENCRYPT_REQUIRE"])),
        created_at=draw(TIMES),
        updated_at=draw(TIMES),
    )


@given(rules())
def test_a_rule_comes_back_from_messages_and_from_json(rule: DispatchRule) -> None:
    sent = SIPDispatchRuleInfo.FromString(rule_to_message(rule).SerializeToString())
    assert rule_from_message(sent) == rule
    assert rule_from_json(rule_to_json(rule)) == rule


def test_an_empty_message_is_a_rule_without_a_type() -> None:
    assert rule_from_message(SIPDispatchRuleInfo()) == DispatchRule(kind=None)


def test_an_enum_of_later_versions_stays_a_number() -> None:
    message: Any = SIPDispatchRuleInfo()
    message.media_encryption = 99
    assert rule_from_message(message).media_encryption == "99"
