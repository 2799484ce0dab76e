"""`rules sync`: from the registry, or by a backend."""

from dataclasses import replace
from pathlib import Path

from sipctl.errors import ExitCode
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import Room
from tests.support.cron import LIVE, STALE, Cron
from tests.support.desk import Desk
from tests.support.peers.backend import Backend, running_backend
from tests.support.peers.livekit import RealLiveKit
from tests.support.running import env_of, run
from tests.support.yard import owned


class TestSync:
    def test_from_the_registry(self, cron: Cron) -> None:
        cron.register(LIVE)
        broken = next(rule for rule in cron.desk.rules() if rule.room_name == "live")
        cron.desk.ask(lambda client: client.replace_rule(broken, replace(broken, pin="None")))
        described = cron.rules("sync", "--only", "repair")
        assert "would update" in described.stdout
        assert "its PIN is the word None" in described.stdout
        cron.rules("sync", "--only", "repair", "--apply")
        assert {rule.room_name: rule.pin for rule in cron.desk.rules()}["live"] == LIVE.pin

    def test_a_registry_that_is_not_the_backends(self, sandboxed: Cron) -> None:
        sandboxed.register(owned("live", "4820571936"))
        refused = sandboxed.rules("sync", code=ExitCode.SAFEGUARD)
        assert "with a PIN that this registry does not know" in refused.stderr

    def test_a_room_without_a_rule(self, cron: Cron) -> None:
        cron.register(LIVE)
        run("pin", "assign", "new", env=cron.env)
        cron.desk.ask(lambda client: client.create_room(Room(name="new")))
        assert "with no participant other than phone callers" in cron.rules("sync").stdout
        cron.rules("sync", "--apply", "--allow", "unattended")
        assert cron.rooms() == ["live", "new", "stale"]

    def test_by_a_backend(self, livekit: Sandbox | RealLiveKit, tmp_path: Path) -> None:
        gone, new = "11111111-2222-4333-8444-555555555555", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
        desk = Desk(server=livekit, folder=tmp_path)
        desk.store(owned(gone, STALE.pin))
        desk.ask(lambda client: client.create_room(Room(name=new)))
        with running_backend(Backend(livekit, {gone: STALE.pin, new: LIVE.pin})) as backend:
            cron = Cron(livekit, desk, env_of(livekit, SIPCTL_WEBHOOK_URL=backend.url))
            cron.rules("sync", "--apply", "--allow", "unattended", "--grace", "0s")
            assert cron.rooms() == [new]
            assert sorted(backend.events) == [("room_finished", gone), ("room_started", new)]
            backend.mood = "refuses"
            cron.desk.ask(lambda client: client.delete_room(new))
            cron.desk.ask(lambda client: client.create_room(Room(name="other")))
            failed = cron.rules("purge", "--apply", "--grace", "0s", code=ExitCode.PARTIAL)
            assert "failed at the event (500)" in failed.stderr

    def test_a_registry_that_was_only_read_is_none(self, sandboxed: Cron) -> None:
        run("pin", "list", env=sandboxed.env)
        sandboxed.rules("sync")

    def test_neither_registry_nor_backend(self, sandboxed: Cron) -> None:
        sandboxed.desk.ask(lambda client: client.create_room(Room(name="new")))
        sandboxed.server.store.join("new", "alice")
        assert "the registry has no PIN for it" in sandboxed.rules("sync", "--apply").stdout
