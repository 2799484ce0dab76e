"""A write and what every write goes through: the permit, the safeguards, the audit."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from sipctl.config.model import Settings
from sipctl.errors import UncheckedError, surely_without_effect
from sipctl.operations.audit import Journal, Record
from sipctl.operations.safeguards import Permit, check_profile, refusal, retired_pin
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.returning import PinsToday, as_of_today

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

Json = Mapping[str, Any]
Kind = Literal["rule", "trunk", "room"]
PinsAsked = Callable[[Sequence[DispatchRule]], PinsToday | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One write: `before` and `after` in LiveKit's JSON shape, PINs in full, secrets masked.

    `applied` is False for a dry run and for nothing to do (`action` "none"); `item` is the audit's id of this
    change; `note` says what a person should know besides, `warnings` what is wrong with the thing that was written.
    """

    action: Literal["create", "update", "delete", "none"]
    kind: Kind
    id: str
    before: Json | None = None
    after: Json | None = None
    applied: bool = False
    item: str = ""
    note: str = ""
    warnings: tuple[str, ...] = ()


def unchanged(kind: Kind, identifier: str, stored: Json, note: str) -> Change:
    """The change that is none: what was asked for is there already."""
    return Change(action="none", kind=kind, id=identifier, before=stored, after=stored, note=note)


@dataclass(frozen=True, slots=True)
class Writer:
    """The server, the settings, the permit and the audit of one writing command.

    `pins_today` asks the registry about the rooms and PINs of rules; None = the profile has none. `check_lock` raises
    ChangedError once the lock of the server is lost.
    """

    client: "LiveKitClient"
    settings: Settings
    permit: Permit
    journal: Journal
    pins_today: PinsAsked
    check_lock: Callable[[], None] = lambda: None

    def as_of_today(self, rule: DispatchRule) -> DispatchRule:
        """A rule as it may come back: with the PIN that its room has today.

        Raises:
            RetiredPinError: its PIN was taken away, or is another room's, and that is not allowed.
            ConfigError, UncheckedError: the registry cannot be asked.
        """
        returning = as_of_today(rule, self.pins_today([rule]), self.settings.mark)
        if returning.objection and "retired-pin" not in self.permit.allow:
            raise retired_pin(rule, returning.objection)
        return returning.rule

    def refuse_unless(self, word: str, reason: str) -> None:
        """Stop for this reason unless `--allow` names the safeguard.

        Raises:
            SafeguardError: it does not.
        """
        if word not in self.permit.allow:
            raise refusal(word, reason)

    def check_profile(self) -> None:
        """Stop unless a protected profile is confirmed by its name.

        Raises:
            SafeguardError: it is not.
        """
        check_profile(self.settings, self.permit)

    def check_protected(self, verb: str, *names: str) -> None:
        """Stop a write to a protected profile, or to a thing that one of its names puts on the protect list.

        Raises:
            SafeguardError: it is protected, and that is not allowed.
        """
        self.check_profile()
        if not set(names).isdisjoint(self.settings.protect):
            self.refuse_unless("protected", f"will not {verb}: it is on the profile's protect list")

    async def carry_out(
        self,
        change: Change,
        write: Callable[[], Awaitable[tuple[str, Json | None]]],
        *,
        action: str = "",
        required: bool = True,
    ) -> Change:
        """Make the change between the two lines of its audit; a dry run stops before both.

        `write` makes one call to LiveKit and returns the id and the stored form ("" and None where there is none).
        `action` is the audit's word for it, if that is not the change's own; `required` as `Journal.recorded` has it:
        what is not required ends what was begun, and needs no lock any more.

        Raises:
            ChangedError: the lock was lost, and nothing was written.
            SipctlError: the write failed, or no one knows whether it did; the audit says which.
        """
        if self.permit.dry_run:
            return change
        if required:
            self.check_lock()
        resource = _resource(change.kind, change.id)
        try:
            with self.journal.recorded(
                action or change.action, resource, change.before, change.after, required=required
            ) as record:
                return await self._made(change, write, record)
        except UncheckedError as error:
            if surely_without_effect(error):
                raise
            described = f"{error.message}; whether it was done is not known"
            raise UncheckedError(described, code=error.code, hint=error.advice) from error

    async def _made(
        self, change: Change, write: Callable[[], Awaitable[tuple[str, Json | None]]], record: Record
    ) -> Change:
        identifier, record.after = await write()
        done = replace(change, id=identifier or change.id, after=record.after, applied=True, item=record.item)
        record.resource = _resource(done.kind, done.id)
        return done


def _resource(kind: str, identifier: str) -> str:
    return f"{kind} {identifier}".rstrip()
