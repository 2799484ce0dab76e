"""The one family of errors, and the exit codes that scripts may rely on."""

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Final

from sipctl.command_line import Prose, prose_text
from sipctl.masking import shown_urls


class ExitCode(IntEnum):
    """What the process's exit status means; the same for every command."""

    DONE = 0
    FINDINGS = 1
    USAGE = 2
    UNCHECKED = 3
    DENIED = 4
    SAFEGUARD = 5
    PARTIAL = 6
    NOT_FOUND = 7
    CHANGED = 8
    PENDING = 10
    BUG = 70
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class Cause(StrEnum):
    """Codes of errors on which something is decided; all others only say what happened."""

    REFUSED = "refused"
    DNS = "dns"
    PROXY = "proxy"
    TLS = "tls"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    CUT = "cut"
    NO_GRANT = "no-grant"
    UNAVAILABLE = "unavailable"
    SIP_NOT_CONNECTED = "sip-not-connected"
    REDIS_LOST = "redis-lost"
    NO_PROFILE = "no-profile"


class SipctlError(Exception):
    """Something a person can act on: one line what failed, one line what to do.

    `code` is a stable slug for scripts, `advice` names the command or setting that helps ("" = nothing to add).
    Neither may ever hold a secret or a full PIN; addresses in the message lose their credentials and parameters.
    """

    exit_code = ExitCode.UNCHECKED
    code: str = "error"

    def __init__(self, message: str, *, hint: Prose = "", code: str = "") -> None:
        self.message = shown_urls(message)
        super().__init__(self.message)
        self.advice = hint
        self.code = code or type(self).code

    @property
    def hint(self) -> str:
        """The advice as text."""
        return prose_text(self.advice)


class UsageError(SipctlError):
    """The command line asks for something that makes no sense."""

    exit_code = ExitCode.USAGE
    code = "usage"


def unknown_value(option: str, value: str, choices: Iterable[str]) -> UsageError:
    """An option got a value that is none of its choices."""
    return UsageError(f"{option}: unknown value {value!r}", hint=f"choose one of {', '.join(choices)}")


class ConfigError(SipctlError):
    """The configuration is missing, unreadable or wrong."""

    exit_code = ExitCode.USAGE
    code = "configuration"


class RejectedError(SipctlError):
    """LiveKit's own validation refused the request."""

    exit_code = ExitCode.USAGE
    code = "rejected"


class UncheckedError(SipctlError):
    """No answer, or none that can be believed: network, time limit, foreign server, full disk."""

    exit_code = ExitCode.UNCHECKED
    code = Cause.UNREACHABLE


class DeniedError(SipctlError):
    """Authentication or permission refused."""

    exit_code = ExitCode.DENIED
    code = "denied"


class SafeguardError(SipctlError):
    """A safeguard stopped the command; `hint` holds the exact words that lift it."""

    exit_code = ExitCode.SAFEGUARD
    code = "rail"


class ConflictError(SafeguardError):
    """LiveKit already stores a rule or trunk for the same calls."""

    code = "conflict"


class RetiredPinError(SafeguardError):
    """A rule would come back with a PIN that was taken away, or is another room's by now."""

    code = "rail-retired-pin"


class PoisonPairError(ConflictError):
    """Two stored rules take the same calls: LiveKit then refuses every new rule, and every such call."""

    code = "poison-pair"


class PartialError(SipctlError):
    """Some items were done, some failed."""

    exit_code = ExitCode.PARTIAL
    code = "partial"


class NotFoundError(SipctlError):
    """The named thing does not exist."""

    exit_code = ExitCode.NOT_FOUND
    code = "not-found"


class ChangedError(SipctlError):
    """Another run holds the lock, or the state changed since it was read."""

    exit_code = ExitCode.CHANGED
    code = "changed"


_NEVER_ARRIVED: Final = frozenset({Cause.REFUSED, Cause.DNS, Cause.PROXY, Cause.TLS, Cause.UNREACHABLE})


def surely_without_effect(error: BaseException) -> bool:
    """Whether a write that ended so changed nothing: the server refused it, or never got it.

    A time limit, a cut connection and a proxy that got no answer (502, 504) tell neither way.
    """
    if isinstance(error, UncheckedError):
        return error.code in _NEVER_ARRIVED
    return isinstance(error, SipctlError) and not isinstance(error, PartialError)
