"""API2xx: whether LiveKit answers, lets us in, and is whole."""

from collections.abc import Iterator

from sipctl.doctor.check import check
from sipctl.doctor.facts import Facts
from sipctl.errors import DeniedError
from sipctl.findings import Finding

_LIMIT_S = 60
"""The leeway of LiveKit's token verifier in seconds (livekit/protocol auth/verifier.go)."""
_NOTICE_S = 10


@check("API201")
def answers(facts: Facts) -> Iterator[Finding]:
    """A server that cannot be reached, or is no LiveKit."""
    error = facts.server.error
    if error and not isinstance(error, DeniedError):
        yield _failure("API201", facts, error)


@check("API202")
def accepts_the_key(facts: Facts) -> Iterator[Finding]:
    """A key or a secret that the server does not know."""
    error = facts.server.error
    if isinstance(error, DeniedError):
        yield _failure("API202", facts, error)
