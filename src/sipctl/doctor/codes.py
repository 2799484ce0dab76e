"""Every code of the live checks: what it means, what a caller hears, what to do. The table only grows."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sipctl.config.codes import CONFIG_CODES
from sipctl.findings import Code, Level

_RINGING: Final = "Ringing without end, then the provider's own message."
_BUSY: Final = "A short ring, then the provider's error tone: LiveKit answers 503 to every call concerned."
_NOTHING: Final = "Nothing unusual."

API_CODES: Final = (
    Code(
        code="API201",
        level=Level.ERROR,
        title="LiveKit answers",
        cause="The server is down, the URL is wrong, or something on the way refuses or redirects the connection.",
        callers="An error tone after one second if the server is down: livekit-sip answers 503.",
        fix="start livekit-server, or correct LIVEKIT_URL",
    ),
    Code(
        code="API202",
        level=Level.ERROR,
        title="LiveKit accepts the key and the secret",
        cause="The key is not among the server's `keys`, the secret differs, or a clock is more than a minute off.",
        callers="Ringing without end if the backend uses the same pair: it cannot create rules.",
        fix="use a pair from `keys` in livekit.yaml",
    ),
    Code(
        code="API203",
        level=Level.ERROR,
        title="The key may administer SIP, list rooms and see participants",
        cause="LiveKit refused a call that needs the grants sip.admin, video.roomList or video.roomAdmin.",
        callers=_NOTHING,
        fix="use a key of this server, and nothing in between that strips grants",
    ),
    Code(
        code="API204",
        level=Level.WARN,
        title="The clocks of this machine and of LiveKit agree",
        cause="LiveKit and webhook receivers refuse tokens that are more than 60 seconds off.",
        callers="Ringing without end once webhooks are refused: no rule is created.",
        fix="synchronise both clocks with NTP",
    ),
    Code(
        code="API205",
        level=Level.ERROR,
        title="LiveKit's SIP service is connected",
        cause="livekit-server runs without redis, or lost it; SIP needs redis, rooms do not.",
        callers="An error tone after one second: livekit-sip answers 503.",
        fix="add `redis.address` to livekit.yaml, start redis, and give livekit-sip the same redis",
    ),
    Code(
        code="API206",
        level=Level.INFO,
        title="LiveKit's version is known",
        cause="No call of the API tells the version; only those who join a room learn it.",
        callers=_NOTHING,
        fix="nothing; look at the image or package that runs",
    ),
    Code(
        code="API207",
        level=Level.WARN,
        title="Every listed room is alive",
        cause="A livekit-server that was killed leaves its rooms and participants listed for good.",
        callers="A caller with the PIN of a ghost's rule can enter and sits alone.",
        fix="create the room again, then delete it",
    ),
)

TRUNK_CODES: Final = (
    Code(
        code="TRK301",
        level=Level.WARN,
        title="There is an inbound trunk",
        cause="LiveKit does not know the provider. Rules without trunk_ids still take its calls, from anyone.",
        callers=_NOTHING + " Whoever reaches the SIP port gets the PIN prompt, provider or not.",
        fix="create the trunk: `sipctl trunk create --number … --allowed-address …`",
    ),
    Code(
        code="TRK302",
        level=Level.ERROR,
        title="At most one inbound trunk is without numbers",
        cause="LiveKit cannot choose between several trunks that take every number.",
        callers=_BUSY,
        fix="give the trunks numbers, or delete all but one",
    ),
    Code(
        code="TRK303",
        level=Level.WARN,
        title="Trunk numbers are in E.164",
        cause="LiveKit compares digits and a plus; a number in national format never equals what the provider sends.",
        callers=_RINGING,
        fix="write the number as +, country code, number",
    ),
    Code(
        code="TRK304",
        level=Level.WARN,
        title="A trunk has the number that people are told to dial",
        cause="ROOM_TELEPHONY_PHONE_NUMBER and the trunks' numbers drifted apart.",
        callers=_RINGING + " Or a dead line, if the number belongs to nobody.",
        fix="put the same number into the trunk and into ROOM_TELEPHONY_PHONE_NUMBER",
    ),
    Code(
        code="TRK305",
        level=Level.WARN,
        title="Inbound trunks authenticate the provider",
        cause="A trunk without allowed_addresses and without username and password takes calls from anyone.",
        callers=_NOTHING + " Strangers reach the PIN prompt too.",
        fix="set allowed_addresses to the provider's signalling addresses, or a username and password",
    ),
    Code(
        code="TRK306",
        level=Level.WARN,
        title="No trunk allows the whole Internet",
        cause="An allowed_addresses entry such as 0.0.0.0/0 matches every source.",
        callers=_NOTHING + " Strangers reach the PIN prompt too.",
        fix="replace it by the provider's signalling addresses",
    ),
    Code(
        code="TRK308",
        level=Level.ERROR,
        title="No two inbound trunks take the same calls",
        cause="Two stored trunks have one number and overlapping callers; LiveKit refuses to choose.",
        callers=_BUSY,
        fix="delete one of the two",
    ),
    Code(
        code="TRK309",
        level=Level.INFO,
        title="Rules ask for the trunk, so that its restrictions hold",
        cause="A rule without trunk_ids also takes calls that match no trunk, past addresses and passwords.",
        callers=_NOTHING,
        fix="let a firewall admit only the provider to the SIP port, or give the rules trunk_ids",
    ),
    Code(
        code="TRK310",
        level=Level.WARN,
        title="All inbound trunks are one provider's",
        cause="Trunks differ in addresses or credentials; Meet's telephony supports one provider for an instance.",
        callers=_NOTHING,
        fix="keep the trunks of one provider",
    ),
    Code(
        code="TRK311",
        level=Level.WARN,
        title="Every allowed address can match",
        cause="LiveKit ignores or never matches entries with a port, a dotted netmask, brackets or spaces.",
        callers=_RINGING,
        fix="write addresses as 192.0.2.7 or 192.0.2.0/24",
    ),
    Code(
        code="TRK312",
        level=Level.WARN,
        title="Username and password come together",
        cause="LiveKit asks for digest only if both are set; with one alone it asks nobody.",
        callers=_NOTHING + " Strangers reach the PIN prompt too.",
        fix="set both, or neither",
    ),
)

RULE_CODES: Final = (
    Code(
        code="RUL401",
        level=Level.ERROR,
        title="No two dispatch rules take the same calls",
        cause="Two stored rules share PIN, trunk and numbers. LiveKit checks all rules on every call and every create.",
        callers=_BUSY,
        fix="delete one of the two",
    ),
    Code(
        code="RUL402",
        level=Level.ERROR,
        title="No open rule outranks the PIN rules",
        cause="A rule without PIN that names a trunk or a number wins over PIN rules without them.",
        callers="No PIN prompt: every caller lands in the open rule's room.",
        fix="give the rule a PIN, or delete it",
    ),
    Code(
        code="RUL403",
        level=Level.ERROR,
        title="No open rule stands beside PIN rules",
        cause="At the PIN prompt, a caller who presses # alone is led by the open rule.",
        callers="The PIN prompt; with # alone the caller is in the open rule's room.",
        fix="give the rule a PIN, or delete it",
    ),
    Code(
        code="RUL404",
        level=Level.ERROR,
        title="Every PIN can be typed",
        cause="LiveKit stores any text as PIN. A Meet room without PIN gets the word None.",
        callers="The PIN prompt, and no PIN that opens this room.",
        fix="give the room a PIN of 4 to 16 digits, then write the rule again",
    ),
    Code(
        code="RUL405",
        level=Level.WARN,
        title="Every owned rule has a live room",
        cause="The webhook room_finished was lost, or telephony was switched off meanwhile.",
        callers="With the PIN of an ended meeting a caller opens its room again and sits there alone.",
        fix="delete the rule",
    ),
    Code(
        code="RUL407",
        level=Level.WARN,
        title="Rule names agree with their rooms",
        cause="A rule has this profile's mark for one room and leads to another.",
        callers="Callers land in another room than the rule's name says.",
        fix="correct the room or the name",
    ),
    Code(
        code="RUL408",
        level=Level.ERROR,
        title="inbound_numbers holds callers, not the own number",
        cause="LiveKit compares inbound_numbers with who calls; the called number belongs into `numbers`.",
        callers=_RINGING,
        fix="move the number to `numbers`, or take it out",
    ),
    Code(
        code="RUL409",
        level=Level.INFO,
        title="All rules carry this profile's mark",
        cause="Other applications, or people, keep rules on the same server. sipctl leaves them alone.",
        callers=_NOTHING,
        fix="nothing, if you know whose they are",
    ),
    Code(
        code="RUL410",
        level=Level.INFO,
        title="There is a dispatch rule",
        cause="Nobody is in a meeting: rules exist only while their rooms do.",
        callers=_RINGING + " That is what dialling before the first participant sounds like.",
        fix="nothing, if no meeting is on",
    ),
    Code(
        code="RUL411",
        level=Level.WARN,
        title="Every room has one rule",
        cause="Two writers created a rule for one room, or a rotation left the old one behind.",
        callers="Several PINs open the room.",
        fix="delete the rules whose PIN nobody was told",
    ),
    Code(
        code="RUL412",
        level=Level.ERROR,
        title="Every rule has a type",
        cause="A stored rule says neither direct, individual nor callee; LiveKit cannot evaluate it.",
        callers=_BUSY,
        fix="delete the rule",
    ),
    Code(
        code="RUL413",
        level=Level.WARN,
        title="No rule hides phone numbers",
        cause="With hide_phone_number, a call without a caller number stops livekit-server 1.13.x and all its rooms.",
        callers="The call fails after four seconds, and every meeting on the server is cut off.",
        fix="switch hide_phone_number off, or let a firewall admit only the provider",
    ),
    Code(
        code="RUL414",
        level=Level.WARN,
        title="Rules name trunks that exist",
        cause="A trunk was deleted or created anew; LiveKit leaves the rules that name it dangling.",
        callers=_RINGING,
        fix="give the rule the new trunk's id",
    ),
    Code(
        code="RUL415",
        level=Level.WARN,
        title="No owned rules while telephony is off",
        cause="With ROOM_TELEPHONY_ENABLED=False Meet no longer deletes rules: they stay, and stay dialable.",
        callers="The PINs of these rules still open their rooms.",
        fix="switch telephony on, or delete the rules",
    ),
    Code(
        code="RUL416",
        level=Level.WARN,
        title="Nobody is in a room by phone alone",
        cause="A caller entered by a stale rule, or stayed when everyone else left; a phone cannot be first by design.",
        callers="Silence: the caller waits alone, and keeps the room alive.",
        fix="delete the room if its meeting is over",
    ),
)

PIN_CODES: Final = (
    Code(
        code="PIN501",
        level=Level.WARN,
        title="Every room has a PIN",
        cause="The room was made while telephony was off, all draws collided, or somebody took the PIN away.",
        callers="No PIN opens this room; Meet writes a rule with the word None.",
        fix="`sipctl pin assign --missing`",
    ),
    Code(
        code="PIN502",
        level=Level.WARN,
        title="All PINs have the length of the setting",
        cause="ROOM_TELEPHONY_PIN_LENGTH was changed, or the PIN comes from a migration or a person.",
        callers=_NOTHING + " Room devices refuse such a PIN.",
        fix="rotate these rooms; invitations that were sent stop working",
    ),
    Code(
        code="PIN503",
        level=Level.ERROR,
        title="Every PIN is digits",
        cause="Somebody typed the PIN by hand; Meet does not check it.",
        callers="No PIN opens this room.",
        fix="rotate the room",
    ),
    Code(
        code="PIN504",
        level=Level.ERROR,
        title="No PIN is over 16 digits",
        cause="ROOM_TELEPHONY_PIN_LENGTH is or was over 16; livekit-sip hangs up at the 17th digit.",
        callers="The wrong-PIN message at the 17th digit.",
        fix="set the length to 16 or less, then rotate",
    ),
    Code(
        code="PIN505",
        level=Level.ERROR,
        title="Live rules carry the registry's PINs",
        cause="The PIN was changed while the room was live; Meet does not touch a rule that exists.",
        callers="The PIN that people were told is wrong, the old one works.",
        fix="delete the rule and create it with the PIN of the registry",
    ),
    Code(
        code="PIN506",
        level=Level.ERROR,
        title="Nobody else uses the registry's PINs",
        cause="Another application on the same LiveKit wrote a rule with a PIN that belongs to one of our rooms.",
        callers="Callers land in the other application's room, or every call fails.",
        fix="rotate the room",
    ),
    Code(
        code="PIN507",
        level=Level.WARN,
        title="No PIN is easy to guess",
        cause="The PIN is one digit repeated, a row, a date or the like: the first that a guesser tries.",
        callers=_NOTHING,
        fix="rotate the room",
    ),
    Code(
        code="PIN508",
        level=Level.INFO,
        title="No PIN is over a year old",
        cause="A PIN that was sent around for long is known to many.",
        callers=_NOTHING,
        fix="rotate these rooms when it suits their owners",
    ),
    Code(
        code="PIN509",
        level=Level.INFO,
        title="No PIN is the start of another",
        cause="PINs of several lengths are in use. LiveKit compares whole PINs, other bridges do not.",
        callers=_NOTHING,
        fix="rotate the shorter one",
    ),
    Code(
        code="PIN510",
        level=Level.ERROR,
        title="Every rotation was finished",
        cause="A run was killed, or LiveKit failed, between the first and the last step of a rotation.",
        callers="The old or the new PIN opens the room, until the rotation is finished.",
        fix="finish it",
    ),
)

SIP_CODES: Final = (
    Code(
        code="SIP705",
        level=Level.ERROR,
        title="The SIP node is healthy",
        cause="The health port of livekit-sip refuses, or says NotStarted, UnderLoad or Stopped.",
        callers="Nothing at all, if the node is down.",
        fix="start livekit-sip and read its log: it ends with status 0 on configuration errors",
    ),
)

CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {code.code: code for code in (*CONFIG_CODES, *API_CODES, *TRUNK_CODES, *RULE_CODES, *PIN_CODES, *SIP_CODES)}
)
"""All codes of this version."""
