"""A call as LiveKit looks at it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One INVITE and what its caller types, under livekit-sip's names (livekit/sip pkg/sip/inbound.go).

    `to_user` and `from_user` are the user parts of the To and From **headers**, byte for byte; neither the Request-URI
    nor P-Asserted-Identity counts. `source_ip` is the address that the INVITE comes from, "" = unknown. `pin` is what
    the caller types before `#`: None nothing at all, "" only the `#`. `id` is the caller's own name for the call.
    """

    to_user: str
    from_user: str = ""
    to_host: str = ""
    from_host: str = ""
    source_ip: str = ""
    pin: str | None = None
    id: str = ""
