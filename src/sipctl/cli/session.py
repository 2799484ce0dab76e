"""What a command body works with: its options, its settings, its server and its output.

It is the one file that wires: what its methods import is loaded by the commands that need it, and by no help.
"""

import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import typer

from sipctl.cli.inputs import STDIN, read_configuration
from sipctl.cli.options import Options
from sipctl.command_line import CommandLine
from sipctl.config.kinds import File, Kind
from sipctl.config.paths import embedded_registries, embedded_registry, state_dir, state_path
from sipctl.config.profile import profile_files, refuse_missing
from sipctl.errors import NotFoundError, PartialError, SipctlError, UsageError
from sipctl.output.formats import View
from sipctl.output.streams import MEDIUM_FAULTS, Streams, lead_nowhere
from sipctl.telephony.registered import Holding

if TYPE_CHECKING:
    from sipctl.config.model import Settings
    from sipctl.doctor.facts import Answer
    from sipctl.doctor.live import Sources
    from sipctl.doctor.report import Report
    from sipctl.doctor.runner import Plan
    from sipctl.findings.record import Finding
    from sipctl.lkapi.client import LiveKitClient
    from sipctl.lkapi.health import WrongPins
    from sipctl.operations.audit import Journal
    from sipctl.operations.change import Writer
    from sipctl.operations.lock import CheckLock
    from sipctl.operations.pins import PinFacts
    from sipctl.operations.safeguards import Permit
    from sipctl.operations.sync.request import Request
    from sipctl.operations.sync.result import Outcome
    from sipctl.registry.observations import Observations
    from sipctl.registry.store import Registry
    from sipctl.sandbox.server import Sandbox
    from sipctl.telephony.model import DispatchRule
    from sipctl.telephony.returning import PinsToday

T = TypeVar("T")

_PROFILES = CommandLine.of("config", "profiles")


def _hush_libraries() -> None:
    """Keep what libraries log off stderr: it is unfiltered, and they tell us of each failure by an exception, too."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())


class Session:
    """One run of one command."""

    def __init__(self, options: Options, command: str) -> None:
        _hush_libraries()
        self.options = options
        self.command = command
        self.streams = Streams.standard(quiet=options.quiet, verbose=options.verbose, wide=options.wide)
        self.stopped_by = 0
        """The signal that stopped a set of writes, 0 = none."""
        self.check_lock: CheckLock = lambda: None
        """Raises ChangedError once the lock of the server is lost."""

    @classmethod
    def of(cls, ctx: typer.Context) -> Self:
        """The session that the command line asks for."""
        return cls(Options.of(ctx), ctx.command_path)

    @cached_property
    def settings(self) -> "Settings":
        """The merged configuration; what was ignored is reported on stderr.

        Raises:
            ConfigError: it cannot be read or holds a fault.
        """
        settings = self._load(self.options.profile, self.options.env_file)
        for note in settings.notes:
            self.streams.note(f"note: {note}")
        return settings

    @cached_property
    def files(self) -> list[File]:
        """The files of the profile and of `--env-file`, whether or not they can be merged.

        Raises:
            ConfigError: someone named a file or a profile that is not there.
        """
        options = self.options
        refuse_missing(options.env_file)
        own = profile_files(options.config, options.profile, os.environ)
        return [*own, *((path, Kind.ENV) for path in options.env_file)]

    def check_files(self, files: Sequence[File], own_folders: Sequence[Path]) -> list["Finding"]:
        """What is wrong with these files, each of a kind or of that of its content, and with sipctl's own folders.

        Raises:
            UsageError: stdin is among them, and cannot be read.
        """
        from sipctl.config.validate import check_files

        stdin = [(read_configuration(), kind) for path, kind in files if path == STDIN]
        return check_files([one for one in files if one[0] != STDIN], own_folders, stdin)

    def paste(self, command: CommandLine) -> str:
        """A command of ours, ready to paste after this run."""
        return str(self.options.again(command))

    @contextmanager
    def registry(self, settings: "Settings | None" = None) -> Iterator["Registry"]:
        """The registry of PINs of the profile, or of other settings.

        Raises:
            ConfigError, UncheckedError: it cannot be opened.
        """
        from sipctl.registry.opening import open_registry

        settings = settings or self.settings
        file, limit = embedded_registry(settings.profile), self.options.timeout
        others = [one for one in embedded_registries() if one != file]
        with open_registry(settings.registry, file, limit) as registry:
            if settings.registry.is_embedded and others and registry.is_untouched():
                self.streams.note(f"note: {file} holds no PIN; {others[0]}, of another profile, may")
            yield registry

    def has_registry(self) -> bool:
        """Whether the profile names a registry, or the embedded one ever held a PIN.

        Raises:
            ConfigError, UncheckedError: the embedded one cannot be opened.
        """
        if not self.settings.registry.is_embedded:
            return True
        if not embedded_registry(self.settings.profile).exists():
            return False
        with self.registry() as embedded:
            return not embedded.is_untouched()

    def pins_today(self, rules: Sequence["DispatchRule"]) -> "PinsToday | None":
        """What the registry says today of the rooms and PINs of these rules; None = the profile has no registry.

        Raises:
            ConfigError, UncheckedError: it has one, which cannot be asked.
        """
        named = self.settings.registry
        is_meets_without_database = named.in_meet and not named.is_backends
        if not rules or is_meets_without_database or not self.has_registry():
            return None
        with self.registry() as registry:
            return registry.today(rules)

    def settings_of(self, profile: str) -> "Settings":
        """What another profile of the same configuration file says."""
        return self._load(profile, ())

    def _load(self, profile: str | None, env_files: Sequence[Path]) -> "Settings":
        from sipctl.config.load import load_settings

        return load_settings(config_path=self.options.config, profile=profile, env_files=env_files, environ=os.environ)

    def registered(self, room: str | None) -> Holding:
        """The room that a person means, by the registry's own name for it, and its PIN.

        Raises:
            UsageError: no room was named.
            NotFoundError: the registry does not know it, or it has no PIN.
        """
        if room is None:
            raise UsageError("--pin-from-registry needs --room")
        with self.registry() as registry:
            holding = registry.find(room)
        if not holding.pin:
            assign = CommandLine.of("pin", "assign").on(room)
            raise NotFoundError(f"room {room!r} has no PIN", hint=(assign, " gives it one"))
        return holding

    def named(self, things: Iterable[T], room_of: Callable[[T], str]) -> tuple[Iterable[T], Mapping[str, str]]:
        """These things, and what people call their rooms where Meet's database says; not knowing that is no failure."""
        if not self.settings.registry.in_meet:
            return things, {}
        kept = list(things)
        try:
            with self.registry() as registry:
                known = registry.known(dict.fromkeys(map(room_of, kept)))
        except SipctlError as error:
            self.streams.note(f"note: what rooms are called is not known: {error.message}")
            return kept, {}
        return kept, {room: held.name or held.slug for room, held in known.items()}

    def livekit(self, use_case: Callable[["LiveKitClient"], Awaitable[T]]) -> T:
        """Run a use case against the configured server; the connection is closed whatever happens."""
        from sipctl.lkapi.client import LiveKitClient

        connection, options = self.settings.connection, self.options

        async def connected() -> T:
            async with LiveKitClient(
                connection, timeout_s=options.timeout, tell=self.streams.detail, max_items=options.max_items
            ) as client:
                return await use_case(client)

        return self.run(connected())

    @staticmethod
    def run(work: Coroutine[Any, Any, T]) -> T:
        """What some work comes to that waits for the network."""
        import asyncio

        return asyncio.run(work)

    def examine(
        self, files: Iterable["Finding"], plan: "Plan", read_pins: Callable[[], "Answer[PinFacts]"],
        *, probes_webhook: bool = False,
    ) -> "Report":  # fmt: skip
        """Examine the live deployment; `files` is what is wrong with its files.

        Raises:
            ConfigError: LiveKit is to be asked, and no server is configured.
        """
        from sipctl.doctor.live import examine

        sources = self._sources(read_pins, probes_webhook=probes_webhook)
        return self.run(examine(sources, files, plan, self.streams.progress))

    def wrong_pins(self) -> "Answer[WrongPins]":
        """How many callers the SIP node saw typing a wrong PIN."""
        return self.run(self._sources().wrong_pins())

    def _sources(
        self, read_pins: "Callable[[], Answer[PinFacts]] | None" = None, *, probes_webhook: bool = False
    ) -> "Sources":
        from sipctl.doctor.live import Sources

        options = self.options
        return Sources(
            settings=self.settings, timeout_s=options.timeout, max_items=options.max_items, read_pins=read_pins,
            probes_webhook=probes_webhook,
        )  # fmt: skip

    def serve_sandbox(
        self, *, port: int, api_key: str, secret_file: Path | None, seed: Path | None, faults: Iterable[str],
        env_out: Path | None, sip_port: int | None, webhooks: Iterable[str],
    ) -> None:  # fmt: skip
        """Run the sandbox until SIGINT or SIGTERM; what to put into the environment goes to stdout.

        Raises:
            UsageError, UncheckedError: as of `sandbox.server.serve`.
        """
        from sipctl.sandbox.server import serve

        serve(
            port=port, api_key=api_key, secret_file=secret_file, seed=seed, faults=faults, env_out=env_out,
            sip_port=sip_port, webhooks=webhooks, announce=lambda line: self.streams.write((f"{line}\n",)),
        )  # fmt: skip

    @staticmethod
    def running_sandbox() -> AbstractContextManager["Sandbox"]:
        """A sandbox in a thread of its own, while the body runs."""
        from sipctl.sandbox.server import running_sandbox

        return running_sandbox()

    def write(self, use_case: Callable[["Writer"], Awaitable[T]], permit: "Permit") -> T:
        """Run one writing use case, alone on its server and audited; what it changed."""
        from sipctl.operations.change import Writer

        journal = self.journal
        with self.reported_if_stopped(), nullcontext() if permit.dry_run else self.lock():
            return self.livekit(
                lambda client: use_case(
                    Writer(client, self.settings, permit, journal, self.pins_today, self.check_lock)
                )
            )

    def synchronise(self, request: "Request") -> "Outcome":
        """Run a purge or a sync.

        Raises:
            SipctlError: as `run_sync`.
        """
        from sipctl.operations.sync.run import run_sync

        return run_sync(self, request)

    def observations(self) -> "Observations":
        """What earlier runs of purge and sync observed.

        Raises:
            ConfigError, UncheckedError, SafeguardError: as `open_observations`.
        """
        from sipctl.registry.opening import open_observations

        return open_observations(self.settings, state_dir(), self.options.timeout)

    def note(self, text: str) -> None:
        """A line on stderr for people."""
        self.streams.note(text)

    def ticking(self) -> AbstractContextManager[Callable[[], None]]:
        """A count of changes on stderr for a person who waits."""
        return self.streams.ticking("changed")

    @contextmanager
    def lock(self, wait_s: float = 0.0) -> Iterator[None]:
        """The lock of the server, or of the registry alone without one: every run that writes holds the same.

        `wait_s` is how long to wait for another run, in seconds.

        Raises:
            ChangedError: another run holds it.
            ConfigError, UncheckedError: the state folder, or the database, cannot hold a lock.
        """
        from sipctl.config.databases import lock_url
        from sipctl.operations.lock import run_lock

        connection, limit = self.settings.connection_or_none, self.options.timeout
        server = connection.url if connection else "registry"
        shared = lock_url(self.settings.registry)
        with run_lock(
            state_dir(), server, shared_url=shared, wait_s=wait_s, timeout_s=limit, tell=self.streams.note
        ) as self.check_lock:
            yield

    @cached_property
    def journal(self) -> "Journal":
        """The audit that this run's writes go to."""
        from sipctl.operations.audit import Journal

        connection = self.settings.connection_or_none
        return Journal(
            folder=state_path(),
            command=self.command,
            profile=self.settings.profile,
            url=connection.url if connection else "",
            tell=lambda line: self.streams.note(f"note: {line}"),
        )

    @contextmanager
    def reported_if_stopped(self) -> Iterator[None]:
        """While the body runs, a signal that ends it leaves a word about what was done."""
        try:
            yield
        except KeyboardInterrupt:
            if self.journal.has_begun:
                self.streams.note(f"note: stopped in the middle of a write; {self.journal.path} says of what")
            else:
                self.streams.note("note: nothing was changed")
            raise

    def permit(self, allow: list[str] | None, confirm: str) -> "Permit":
        """What the command line allows a write to do.

        Raises:
            UsageError: `--allow` names no safeguard, or `--confirm` no profile.
        """
        from sipctl.config.profile import profile_names
        from sipctl.operations.safeguards import permit_from

        if confirm and confirm not in profile_names(self.options.config, os.environ):
            raise UsageError(
                f"--confirm {confirm!r}: there is no such profile", hint=(_PROFILES, " lists those that there are")
            )
        return permit_from(allow or (), confirm, dry_run=self.options.dry_run)

    def emit(self, view: View, style: str = "") -> None:
        """Write the result to stdout, in the format asked for unless there is one `style` for it alone.

        A reader that has seen enough ends the writing and nothing else: what is left of the command is still to be
        done, and its exit code says what became of it.

        Raises:
            PartialError: the run wrote before, and stdout is full or broken.
        """
        try:
            self.streams.write(view.render(style or self.options.output, self.streams))
        except OSError as error:
            journal: Journal | None = vars(self).get("journal")  # a run that never asked for it wrote nothing
            if journal is None or not journal.has_begun or error.errno not in MEDIUM_FAULTS:
                raise
            lead_nowhere(self.streams.out)
            raise PartialError(
                f"the writes of run {journal.run} ended, and the output cannot be written: {error.strerror}",
                code="output",
                hint=f"{journal.path} says what was done",
            ) from error
