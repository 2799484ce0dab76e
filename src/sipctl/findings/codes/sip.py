"""SIP7xx: the SIP node."""

from typing import Final

from sipctl.command_line import CommandLine
from sipctl.findings.codes.heard import NOTHING
from sipctl.findings.record import Code, Level

_CHECK: Final = CommandLine.of("trunk", "check")
_DEAD: Final = "A dead line or the provider's error tone, if the provider sends calls there."

SIP_CODES: Final = (
    Code(
        code="SIP701",
        level=Level.ERROR,
        title="The name of the SIP node resolves",
        cause="The host of sip_host has neither SRV records nor an address, or its SRV record is `.`: no service.",
        callers=_DEAD,
        fix=("add the records to its zone, or correct sip_host; ", _CHECK.having("--depth", "dns"), " shows each step"),
    ),
    Code(
        code="SIP702",
        level=Level.ERROR,
        title="The SIP node answers",
        cause="Every target of sip_host refuses, stays silent, or speaks no SIP: the node, its port or a firewall.",
        callers=_DEAD,
        fix=("start livekit-sip, and open its port to the provider and to this machine; ", _CHECK, " asks each target"),
    ),
    Code(
        code="SIP703",
        level=Level.WARN,
        title="Every target of the SIP node answers",
        cause="Some of the addresses and transports that DNS names answer, and some do not.",
        callers=NOTHING
        + " Or some seconds of silence first, or a failed call: which target a provider tries is chance.",
        fix=("take what does not answer out of DNS, or repair it; ", _CHECK, " names each"),
    ),
    Code(
        code="SIP704",
        level=Level.ERROR,
        title="The certificate of the SIP node holds",
        cause="It expired or soon will, is not for the host of sip_host, or is from an authority that no one trusts.",
        callers="A dead line or the provider's error tone, if the provider uses TLS and verifies it.",
        fix="renew the certificate for the host of sip_host, and restart livekit-sip",
    ),
    Code(
        code="SIP705",
        level=Level.ERROR,
        title="The SIP node is healthy",
        cause="The health port of livekit-sip refuses, or says NotStarted, UnderLoad or Stopped.",
        callers="Nothing at all, if the node is down.",
        fix="start livekit-sip and read its log: it ends with status 0 on configuration errors",
    ),
    Code(
        code="SIP706",
        level=Level.WARN,
        title="Answers come from where they were asked for",
        cause="A NAT or a host with several addresses sends the answer from another address or port.",
        callers="A dead line or the provider's error tone, if the provider takes answers from the asked address alone.",
        fix="let livekit-sip listen on the one address that the provider calls (listen_ip), or correct the NAT",
    ),
    Code(
        code="SIP707",
        level=Level.WARN,
        title="The SIP node answers at once",
        cause="An answer took over half a second, or came only after the request was sent again: packets are lost.",
        callers=NOTHING + " Or calls that begin late.",
        fix=("look for loss and load on the way and on the node; ", _CHECK.having("--count", "20"), " measures it"),
    ),
    Code(
        code="SIP708",
        level=Level.WARN,
        title="The SIP node is not draining",
        cause="livekit-sip had a SIGTERM and waits for its last call to end; until then it takes new ones.",
        callers=NOTHING + " A call that is up when the node is killed ends.",
        fix="take the node out of the provider's routing by its health port: OPTIONS stays 200 all the while",
    ),
    Code(
        code="SIP709",
        level=Level.ERROR,
        title="LiveKit routes a call as explain says",
        cause="LiveKit reads other trunks and rules than sipctl does (another redis), sees another source address than"
        " ours (NAT), or is of another version.",
        callers="Depends: the call is not routed as the stored trunks and rules say.",
        fix=(
            "compare `redis` of livekit-sip and livekit-server, and the fromIP in livekit-sip's log with our address; ",
            _CHECK.having("--depth", "invite"),
            " measures it again",
        ),
    ),
)
