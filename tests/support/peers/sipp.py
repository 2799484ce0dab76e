"""SIPp as a caller: one INVITE, and everything that comes back with the time it took."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from string import Template

from tests.support.peers.livekit import free_ports

_REFUSALS = (400, 401, 404, 407, 486, 500, 503)
_ALIKE = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: $caller;tag=[call_number]
To: <$called>[peer_tag_param]
Call-ID: [call_id]
Max-Forwards: 70"""
_INVITE = Template(
    """  <send><![CDATA[
INVITE $uri SIP/2.0
$alike
CSeq: $cseq INVITE
Contact: <sip:caller@[local_ip]:[local_port]>$more
Content-Type: application/sdp
Content-Length: [len]

$offer
]]></send>"""
)
OFFER = """v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio $media RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000"""
_CHALLENGE = Template(
    """  <recv response="100" optional="true"></recv>
  <recv response="407" auth="true" $patience></recv>
  <send><![CDATA[
ACK $uri SIP/2.0
$alike
CSeq: 1 ACK
Content-Length: 0

]]></send>"""
)
_SCENARIO = Template(
    """<?xml version="1.0" encoding="UTF-8" ?>
<scenario name="one call">
$invites
  <recv response="100" optional="true" $patience></recv>
  <recv response="180" optional="true" $patience></recv>
$refusals
  <recv response="200" rrs="true" $patience></recv>
  <send><![CDATA[
ACK [next_url] SIP/2.0
$alike
CSeq: $cseq ACK
Content-Length: 0

]]></send>
  <pause milliseconds="1300"/>
  <send><![CDATA[
BYE [next_url] SIP/2.0
$alike
CSeq: $after BYE
Content-Length: 0

]]></send>
  <recv response="200" next="4" timeout="2000" ontimeout="4"></recv>
  <label id="2"/>
  <send next="4"><![CDATA[
ACK $uri SIP/2.0
$alike
CSeq: $cseq ACK
Content-Length: 0

]]></send>
  <label id="3"/>
  <send><![CDATA[
CANCEL $uri SIP/2.0
$alike
CSeq: $cseq CANCEL
Content-Length: 0

]]></send>
  <recv response="200" optional="true" timeout="500" ontimeout="4"></recv>
  <recv response="487" timeout="500" ontimeout="4" next="2"></recv>
  <label id="4"/>
</scenario>
"""
)
_MESSAGE = re.compile(r"^-{20,} (.+)\n\w+ message (sent|received) .*\n\n(.*)\n", re.MULTILINE)
_numbers = count()


def missing() -> str:
    """What is not installed; "" if nothing."""
    return "" if shutil.which("sipp") else "no sipp installed (Debian package sip-tester)"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A status and reason that came back, milliseconds after the INVITE."""

    what: str
    after_ms: float


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a caller saw: the responses to its INVITE, whether it gave up waiting, and whether its CANCEL was answered.

    `responses` holds equal responses once, with the time of the first.
    """

    responses: tuple[Seen, ...]
    cancelled: bool
    cancel_answered: bool


def place_call(
    port: int, folder: Path, *, to: str, from_: str, from_host: str = "", request_uri: str = "",
    source: str = "127.0.0.1", patience_s: float = 0.8, password: str = "", offer: str = OFFER,
) -> Call:  # fmt: skip
    """Place one call from a source address on loopback, and hang up as soon as it is decided.

    With a `password` the challenge is answered for the user "provider", and the call is the INVITE that does.

    `to`, `from_` and `request_uri` (default: `to`) are users, `from_host` is the host of From (default: the source);
    `patience_s` is how long to wait for a final response before the CANCEL.
    """
    own = free_ports(4)
    called = f"sip:{to}@127.0.0.1:{port}"
    host = from_host or f"{source}:{own}"
    caller = f"<sip:{from_}@{host}>" if from_ else f"<sip:{host}>"
    scenario = folder / f"call-{next(_numbers)}.xml"
    log = scenario.with_suffix(".log")
    alike = Template(_ALIKE).substitute(caller=caller, called=called)
    patience = f'timeout="{int(patience_s * 1000)}" ontimeout="3"'
    refusals = "\n".join(f'  <recv response="{code}" optional="true" next="2" {patience}></recv>' for code in _REFUSALS)
    words = {"uri": f"sip:{request_uri or to}@127.0.0.1:{port}", "alike": alike, "patience": patience}
    words |= {"offer": Template(offer).substitute(media=own + 2), "refusals": refusals}
    invites = [_INVITE.substitute(words, cseq=1, more="")]
    if password:
        answer = f"\n[authentication username=provider password={password}]"
        invites += [_CHALLENGE.substitute(words), _INVITE.substitute(words, cseq=2, more=answer)]
    sequence = {"invites": "\n".join(invites), "cseq": 2 if password else 1, "after": 3 if password else 2}
    scenario.write_text(_SCENARIO.substitute(words, **sequence))
    command: list[str | Path] = [
        "sipp", f"127.0.0.1:{port}", "-sf", scenario, "-m", "1", "-i", source, "-p", str(own), "-nostdin",
        "-trace_msg", "-message_file", log, "-timeout", f"{int(patience_s) + 10}s", "-default_behaviors", "none",
    ]  # fmt: skip
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, check=False)
    return _call(list(_messages(log.read_text())))


def _messages(text: str) -> Iterator[tuple[float, str, str]]:
    """The time in seconds, the direction and the start line of each message."""
    for stamp, direction, line in _MESSAGE.findall(text):
        yield datetime.fromisoformat(stamp).timestamp(), direction, line


def _call(messages: list[tuple[float, str, str]]) -> Call:
    sent = [time for time, direction, line in messages if direction == "sent" and line.startswith("INVITE")]
    started = sent[-1]
    cancelled = [time for time, direction, line in messages if direction == "sent" and line.startswith("CANCEL")]
    until = cancelled[0] if cancelled else float("inf")
    responses: dict[str, Seen] = {}
    for time, direction, line in messages:
        if direction == "received" and line.startswith("SIP/2.0 ") and started <= time < until:
            what = line.removeprefix("SIP/2.0 ").strip()
            responses.setdefault(what, Seen(what=what, after_ms=(time - started) * 1000))
    answered = any(direction == "received" and time >= until for time, direction, _ in messages)
    return Call(responses=tuple(responses.values()), cancelled=bool(cancelled), cancel_answered=answered)
