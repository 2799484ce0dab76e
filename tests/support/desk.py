"""A writing command without its command line: client, settings, permit and audit over one server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sipctl.config.model import Connection, Settings
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.audit import Entry, Journal, read_audit
from sipctl.operations.change import PinsAsked, Writer
from sipctl.operations.restore import Present
from sipctl.operations.safeguards import Permit
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.returning import Returning
from tests.support.peers.livekit import RealLiveKit

T = TypeVar("T")


def present(rules: Iterable[DispatchRule], trunk_ids: Iterable[str] = ()) -> Present:
    """What a restore meets where there is no registry."""
    return Present(tuple(rules), trunk_ids, {}, Returning)


@dataclass(kw_only=True)
class Desk:
    """Runs use cases against one server, each with a client of its own; `settings` are those of the profile.

    `pins_today` asks its registry; here there is none.
    """

    server: Sandbox | RealLiveKit
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    client_class: type[LiveKitClient] = LiveKitClient
    pins_today: PinsAsked = lambda _rules: None

    def connect(self) -> LiveKitClient:
        return self.client_class(self._connection(), timeout_s=20)

    def _connection(self) -> Connection:
        server = self.server
        return Connection(url=server.url, api_key=server.api_key, api_secret=server.api_secret)

    def ask(self, call: Callable[[LiveKitClient], Awaitable[T]]) -> T:
        async def asked() -> T:
            async with self.connect() as client:
                return await call(client)

        return asyncio.run(asked())

    def write(
        self,
        use_case: Callable[[Writer], Awaitable[T]],
        *,
        allow: frozenset[str] | set[str] = frozenset(),
        confirm: str = "",
        dry_run: bool = False,
    ) -> T:
        permit = Permit(allow=frozenset(allow), confirm=confirm, dry_run=dry_run)
        return self.ask(lambda client: use_case(self.writer(client, permit)))

    def writer(self, client: LiveKitClient, permit: Permit) -> Writer:
        journal = Journal(folder=self.folder, command="sipctl test", profile="test", url=self.server.url)
        own: dict[str, Any] = {"profile": "test", "connection_or_none": self._connection()} | self.settings
        return Writer(client, Settings(**own), permit, journal, self.pins_today)

    def rules(self) -> list[DispatchRule]:
        return list(self.ask(lambda client: client.list_rules()))

    def rule(self) -> DispatchRule:
        (only,) = self.rules()
        return only

    def store(self, rule: DispatchRule) -> DispatchRule:
        """Store a rule without safeguards and audit."""
        return self.ask(lambda client: client.create_rule(rule))

    def audit(self) -> list[Entry]:
        return list(read_audit(self.folder))
