"""The sandbox's API, with notes of what a run read and took away."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from livekit.protocol.sip import DeleteSIPDispatchRuleRequest, SIPDispatchRuleInfo

from sipctl.lkapi.convert import rule_from_message
from sipctl.sandbox.api import Api
from sipctl.telephony.model import DispatchRule


@dataclass
class Deletion:
    """One rule that a run deleted: what it was, and whether its room was in the last list that the run had read."""

    rule: SIPDispatchRuleInfo
    seen_live: bool
    keeper_stood: bool


class WatchedApi(Api):
    """Notes each list of rooms that was read, each rule that was deleted or made, and each that was ever without a PIN.

    `pins` are the right ones; `robbed` are the rooms of which others deleted a rule.
    """

    def __init__(self, store: Any, key: str, secret: Any) -> None:
        super().__init__(store, key, secret)
        self.read_rooms: set[str] = set()
        self.deletions: list[Deletion] = []
        self.made: list[DispatchRule] = []
        self.ever_open: set[str] = set()
        self.pins: Mapping[str, str] = {}
        self.robbed: set[str] = set()

    def _answer(self, *args: Any, **kwargs: Any) -> Message:
        name, body = args[2], args[3]
        if name == "DeleteSIPDispatchRule":
            identifier = DeleteSIPDispatchRuleRequest.FromString(body).sip_dispatch_rule_id
            if identifier in self.store.rules:
                self._note_deletion(self.store.rules[identifier])
        before = set(self.store.rules)
        answer: Message = super()._answer(*args, **kwargs)
        if name == "CreateSIPDispatchRule":
            self.made += [rule_from_message(rule) for key, rule in self.store.rules.items() if key not in before]
        self.ever_open |= {rule.name for rule in self.store.rules.values() if not rule.rule.dispatch_rule_direct.pin}
        return answer

    def _note_deletion(self, rule: SIPDispatchRuleInfo) -> None:
        room = rule.rule.dispatch_rule_direct.room_name
        copy = SIPDispatchRuleInfo()
        copy.CopyFrom(rule)
        others = [one for one in self.store.rules.values() if one is not rule and one.name == rule.name]
        keeper = any(
            one.rule.dispatch_rule_direct.pin in {self.pins.get(room), copy.rule.dispatch_rule_direct.pin}
            for one in others
        )
        self.deletions.append(Deletion(copy, room in self.read_rooms, keeper))

    def _as_struck(self, method: str, answer: Message, struck: Any) -> Message:
        seen: Any = super()._as_struck(method, answer, struck)
        if method == "ListRooms":
            self.read_rooms = {room.name for room in seen.rooms}
        return seen  # type: ignore[no-any-return]
