"""SIP trunks: which there are, and the writes."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sipctl.errors import ConflictError, UsageError
from sipctl.operations.advertised import advertised_number
from sipctl.operations.change import Change, Json, Writer, unchanged
from sipctl.operations.faults import judge
from sipctl.operations.references import pick_one
from sipctl.telephony import ids
from sipctl.telephony.amendment import amended_fields
from sipctl.telephony.linting.fault import DESCRIBED_TRUNKS, NEW_TRUNK, REFUSED_TRUNKS, TRUNK_CLASH
from sipctl.telephony.livekit_json import trunk_to_json
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.model import DispatchRule, InboundTrunk, Trunk
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.secret import Secret
from sipctl.telephony.site import Site

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

AnyTrunk = TypeVar("AnyTrunk", bound=Trunk)


async def list_trunks(client: "LiveKitClient") -> list[Trunk]:
    """Every trunk: the inbound ones, then the outbound ones, each in the order of their ids."""
    return [*await client.list_inbound_trunks(), *await client.list_outbound_trunks()]


_SHOWN: Final = 5
_NAMES: Final[tuple[Callable[[Trunk], tuple[str, ...]], ...]] = (
    lambda trunk: (trunk.sip_trunk_id,),
    lambda trunk: (trunk.name,),
    lambda trunk: trunk.numbers,
    lambda trunk: tuple(map(normalize_number, trunk.numbers)),
)
"""What a person may call a trunk, the strongest name first."""


async def get_trunk(client: "LiveKitClient", reference: str) -> Trunk:
    """The one trunk with this id; for what does not start as an id does the one with this name, else this number.

    Raises:
        NotFoundError: none.
        UsageError: several.
    """
    return _picked("trunk", reference, await list_trunks(client))


def _picked(kind: str, reference: str, trunks: Sequence[AnyTrunk]) -> AnyTrunk:
    is_id = reference.startswith(ids.TRUNK)
    return pick_one(kind, reference, trunks, _NAMES, "trunk", is_id=is_id)


async def inbound_trunk_ids(client: "LiveKitClient", references: Iterable[str]) -> tuple[str, ...]:
    """The ids of inbound trunks that a person names by id, name or number. LiveKit itself takes any text for an id.

    Raises:
        NotFoundError: one names none; callers of a rule with it would ring without end.
        UsageError: one names several.
    """
    wanted = tuple(references)
    trunks = await client.list_inbound_trunks() if wanted else []
    found = (_picked("inbound trunk", name, trunks) for name in wanted)
    return tuple(trunk.sip_trunk_id for trunk in found)


async def create_trunk(writer: Writer, trunk: InboundTrunk) -> Change:
    """Store an inbound trunk; one with equal content is success.

    Raises:
        ConflictError: another trunk takes the same calls.
        SafeguardError: an error comes with it, and its code is not allowed.
        RejectedError: LiveKit's validation refuses it.
    """
    writer.check_profile()
    trunks = await writer.client.list_inbound_trunks()
    for stored in trunks:
        if _content(stored) == _content(trunk):
            return unchanged("trunk", stored.sip_trunk_id, trunk_to_json(stored), "already there")
    then = [*trunks, replace(trunk, sip_trunk_id=NEW_TRUNK)]
    is_left_to_livekit = () if writer.permit.dry_run else (TRUNK_CLASH,)
    warnings = _judged(writer, trunks, then, but=is_left_to_livekit)
    change = Change(action="create", kind="trunk", id="", after=trunk_to_json(trunk))

    async def write() -> tuple[str, Json]:
        created = await writer.client.create_inbound_trunk(trunk)
        return created.sip_trunk_id, trunk_to_json(created)

    try:
        return replace(await writer.carry_out(change, write), warnings=warnings)
    except ConflictError:
        _judged(writer, trunks, then)  # it names both
        raise


def _judged(
    writer: Writer, now: Sequence[InboundTrunk], then: Sequence[InboundTrunk], but: Container[str] = ()
) -> tuple[str, ...]:
    """What is wrong with the trunks then, and not now; `but` are codes that do not count.

    Raises:
        SafeguardError, ConflictError: an error is, and its code is not allowed.
    """
    before, after = (Site(lists=WholeLists(trunks, ()), mark=writer.settings.mark) for trunks in (now, then))
    codes = (code for code in (*REFUSED_TRUNKS, *DESCRIBED_TRUNKS) if code not in but)
    return judge(writer, before, after, codes)


def _content(trunk: InboundTrunk) -> InboundTrunk:
    """What makes two trunks the same: all but the id, the times, and the empty `media` that LiveKit adds."""
    return replace(trunk, sip_trunk_id="", media=None, created_at=None, updated_at=None)


async def update_trunk(writer: Writer, reference: str, edits: Mapping[str, Any]) -> Change:
    """Change the named fields of one inbound trunk and keep all others.

    LiveKit looks for clashes among the trunks of the old numbers alone, so they are looked for here
    (livekit/livekit pkg/service/sip.go).

    Raises:
        UsageError: the trunk only makes calls.
        SafeguardError: it is protected, or an error comes with the change, and its code is not allowed.
        ConflictError: another trunk takes the same calls.
    """
    before = await get_trunk(writer.client, reference)
    if not isinstance(before, InboundTrunk):
        raise UsageError(f"trunk {before.sip_trunk_id} only makes calls", hint="inbound trunks can be updated")
    edits = amended_fields(edits, before)
    identifier, after = before.sip_trunk_id, replace(before, **edits)
    if after == before:
        return unchanged("trunk", identifier, trunk_to_json(before), "nothing to change")
    writer.check_protected(f"update trunk {identifier}", identifier, before.name)
    trunks = await writer.client.list_inbound_trunks()
    warnings = _judged(writer, trunks, [after if one.sip_trunk_id == identifier else one for one in trunks])
    change = Change(
        action="update", kind="trunk", id=identifier, before=trunk_to_json(before), after=trunk_to_json(after)
    )

    async def write() -> tuple[str, Json]:
        revealed = {name: one.reveal() if isinstance(one, Secret) else one for name, one in edits.items()}
        return identifier, trunk_to_json(await writer.client.update_inbound_trunk(identifier, revealed))

    return replace(await writer.carry_out(change, write), warnings=warnings)


async def delete_trunk(writer: Writer, reference: str) -> Change:
    """Delete a trunk. LiveKit leaves the rules that name it dangling, so those must go first.

    Raises:
        SafeguardError: dispatch rules name it, it is protected, or no call would come in without it.
    """
    trunk = await get_trunk(writer.client, reference)
    writer.check_protected(f"delete trunk {trunk.sip_trunk_id}", trunk.sip_trunk_id, trunk.name)
    users = _rules_naming(trunk, await writer.client.list_rules())
    if users:
        more = f" and {len(users) - _SHOWN} more" if len(users) > _SHOWN else ""
        named = f"named by rules {', '.join(users[:_SHOWN])}{more}"
        writer.refuse_unless("in-use", f"will not delete trunk {trunk.sip_trunk_id}: {named}")
    if need := _need_of(trunk, await writer.client.list_inbound_trunks(), advertised_number(writer.settings)):
        writer.refuse_unless("in-use", f"will not delete trunk {trunk.sip_trunk_id}: {need}")
    change = Change(action="delete", kind="trunk", id=trunk.sip_trunk_id, before=trunk_to_json(trunk))

    async def write() -> tuple[str, None]:
        await writer.client.delete_trunk(trunk.sip_trunk_id)
        return "", None

    return await writer.carry_out(change, write)


def _need_of(trunk: Trunk, inbound: Sequence[InboundTrunk], number: str) -> str:
    """Why calls could not come in without this trunk; "" = they could, as before."""
    others = [one for one in inbound if one.sip_trunk_id != trunk.sip_trunk_id]
    if len(others) == len(inbound):
        return ""
    if not others:
        return "it is the last inbound trunk, and no call comes in without one"
    key = normalize_number(number)
    takes = [key in map(normalize_number, one.numbers) for one in (trunk, *others)]
    return f"it alone has {number}, which people dial" if number and takes[0] and not any(takes[1:]) else ""


def _rules_naming(trunk: Trunk, rules: Iterable[DispatchRule]) -> list[str]:
    return [rule.sip_dispatch_rule_id for rule in rules if trunk.sip_trunk_id in rule.trunk_ids]
