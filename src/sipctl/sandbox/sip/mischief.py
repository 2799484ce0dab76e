"""What the faults that are planted do to the answers of the SIP node."""

import socket
from collections.abc import Iterable
from typing import Final

from sipctl.sandbox.faults import Fault
from sipctl.sandbox.sip.answers import Step
from sipctl.sandbox.sip.replies import reply
from sipctl.sip.message import Request, Response
from sipctl.transport.targets import Address

_GARBAGE: Final = b"\x00\x01this is no SIP\xff\xfe\r\n\r\n"
_LARGE: Final = 63_000
"""Bytes of padding, so that the answer has some 64 kB, and a datagram still holds it."""


class Mischief:
    """Counts requests, for faults that strike every nth of them."""

    def __init__(self) -> None:
        self._seen = 0

    def delay_s(self, struck: Iterable[Fault]) -> float | None:
        """How much later the answer comes, in seconds; None = never."""
        self._seen += 1
        delay_s = 0.0
        for fault in struck:
            if fault.name == "sip-silence" or (fault.name == "sip-drop" and self._seen % fault.value == 0):
                return None
            if fault.name == "sip-delay":
                delay_s += fault.value / 1000
        return delay_s

    @staticmethod
    def busy(struck: Iterable[Fault], request: Request, source: Address) -> list[Step]:
        """A 503 in the place of the answer, if that is planted; an ACK has none."""
        busy = next((fault for fault in struck if fault.name == "sip-busy"), None)
        if busy is None or request.method == "ACK" or request.via is None:
            return []
        more = [("Retry-After", str(busy.value))]
        return [Step(0.0, reply(request, 503, "Service Unavailable", source, tag="busy", more=more))]

    @staticmethod
    def spoilt(struck: Iterable[Fault], response: Response) -> bytes:
        """The response on the wire."""
        names = {fault.name for fault in struck}
        if "sip-garbage" in names:
            return _GARBAGE
        if "sip-oversize" in names:
            response = response.adding([("X-Padding", "x" * _LARGE)])
        return bytes(response)

    @staticmethod
    def is_elsewhere(struck: Iterable[Fault]) -> bool:
        """Whether the answer comes from another port."""
        return any(fault.name == "sip-elsewhere" for fault in struck)

    @staticmethod
    def send_from_another_port(data: bytes, to: Address) -> None:
        """Send a datagram from a port of its own."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(data, (to.ip, to.port))
