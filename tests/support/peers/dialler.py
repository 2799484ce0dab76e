"""SIPp as a person who dials a number, types a PIN when asked for one, and stays until hung up on."""

import subprocess
from itertools import count
from pathlib import Path
from string import Template

from tests.support.peers.livekit import free_ports

_ALIKE = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:$caller@$source>;tag=[call_number]
To: <sip:$called@127.0.0.1:$port>[peer_tag_param]
Call-ID: [call_id]
Max-Forwards: 70"""
_SCENARIO = Template(
    """<?xml version="1.0" encoding="UTF-8" ?>
<scenario name="a person who dials in">
  <send><![CDATA[
INVITE sip:$called@127.0.0.1:$port SIP/2.0
$alike
CSeq: 1 INVITE
Contact: <sip:caller@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 96
a=rtpmap:0 PCMU/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-16
]]></send>
  <recv response="100" optional="true"></recv>
  <recv response="180" optional="true"></recv>
  <recv response="486" optional="true" next="9"></recv>
  <recv response="503" optional="true" next="9"></recv>
  <recv response="200" rrs="true" timeout="$answer" ontimeout="8"></recv>
  <send><![CDATA[
ACK [next_url] SIP/2.0
$alike
CSeq: 1 ACK
Content-Length: 0

]]></send>
  <pause milliseconds="400"/>
$typing
  <recv request="BYE" timeout="$patience" ontimeout="7"></recv>
  <send next="10"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <label id="7"/>
  <send next="10"><![CDATA[
BYE [next_url] SIP/2.0
$alike
CSeq: 2 BYE
Content-Length: 0

]]></send>
  <label id="8"/>
  <send next="10"><![CDATA[
CANCEL sip:$called@127.0.0.1:$port SIP/2.0
$alike
CSeq: 1 CANCEL
Content-Length: 0

]]></send>
  <label id="9"/>
  <send next="10"><![CDATA[
ACK sip:$called@127.0.0.1:$port SIP/2.0
$alike
CSeq: 1 ACK
Content-Length: 0

]]></send>
  <label id="10"/>
</scenario>
"""
)
_TYPING = '  <nop><action><exec play_dtmf="$keys"/></action></nop>\n  <pause milliseconds="$lasts"/>'
_KEY_MS = 250
_ANSWER_MS = 2500
"""How long the phone rings before the caller gives up."""
_numbers = count()


def dial(
    port: int, folder: Path, *, called: str, caller: str, source: str, pin: str | None, patience_s: float
) -> "subprocess.Popen[bytes]":
    """Begin a call that ends by itself: without an answer, or `patience_s` seconds after the PIN.

    `pin` is what is typed before `#`, None = nothing at all. SIPp sends the keys as RFC 4733 events.
    """
    own = free_ports(4)
    names = {"called": called, "caller": caller, "source": source, "port": port}
    keys = "" if pin is None else f"{pin}#"
    typing = Template(_TYPING).substitute(keys=keys, lasts=len(keys) * _KEY_MS) if keys else ""
    scenario = folder / f"dial-{next(_numbers)}.xml"
    patience = int(patience_s * 1000)
    alike = Template(_ALIKE).substitute(names)
    scenario.write_text(_SCENARIO.substitute(names, alike=alike, typing=typing, patience=patience, answer=_ANSWER_MS))
    command: list[str | Path] = [
        "sipp", f"127.0.0.1:{port}", "-sf", scenario, "-m", "1", "-i", source, "-p", str(own), "-mi", source,
        "-mp", str(own + 2), "-nostdin", "-timeout", "30s",
        "-default_behaviors", "none", "-deadcall_wait", "0",
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
