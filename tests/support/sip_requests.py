"""Requests that many tests of SIP start from."""

from sipctl.sip.message import Request, build_request


def options_request(*more: tuple[str, str], body: bytes = b"") -> Request:
    pairs = [
        ("Via", "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKa;rport"), ("Max-Forwards", "70"),
        ("From", '"Ivó" <sip:a@192.0.2.7>;tag=1'), ("To", "<sip:b@192.0.2.1>"), ("Call-ID", "a@192.0.2.7"),
        ("CSeq", "1 OPTIONS"), *more,
    ]  # fmt: skip
    return build_request("OPTIONS", "sip:b@192.0.2.1", pairs, body)
