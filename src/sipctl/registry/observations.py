"""What earlier runs observed on a server: which rules were stale, whether it listed any room, which runs wrote."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, delete, insert, select, update

from sipctl.registry.database import reading, translated, writing
from sipctl.registry.locks import serialize
from sipctl.registry.tables import holds, observations, prepare, runs, sightings
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.registered import Earlier

_REMEMBERED: Final = timedelta(days=1)
_MAY_PAUSE: Final = timedelta(days=1)
_GRACES: Final = 3
_WHAT: Final = "the state of earlier observations"
_IF_CORRUPT: Final = "move looks.db of the state folder away: the next observation counts as the first"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Observations:
    """The observations of one server, in one database; `server` names it, and whose rules are meant."""

    def __init__(self, engine: Engine, server: str, now: Callable[[], datetime] = _utc_now) -> None:
        self._engine = engine
        self._server = server
        self._now = now
        with translated(_WHAT, engine.url, if_corrupt=_IF_CORRUPT):
            prepare(engine)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _writing(self) -> AbstractContextManager[Connection]:
        return writing(self._engine, _WHAT, if_corrupt=_IF_CORRUPT)

    def _reading(self) -> AbstractContextManager[Connection]:
        return reading(self._engine, _WHAT, if_corrupt=_IF_CORRUPT)

    def observe(
        self,
        stale: Iterable[DispatchRule],
        duplicates: Iterable[DispatchRule] | None = None,
        *,
        any_room: bool,
        grace: timedelta = timedelta(),
    ) -> Earlier:
        """What earlier observations found; then note this one, in the same transaction.

        A rule that is not stale any more, or was changed, begins anew when it is stale the next time; a duplicate
        likewise. So does one that was seen in a future that a clock has left, and all of them after a pause longer than
        a day and than three times the grace. `duplicates` None = this run does not know which rules are duplicates, and
        what is noted of them stays.
        """
        now, may_pause = self._now(), max(_MAY_PAUSE, _GRACES * grace)
        with self._writing() as connection:
            serialize(connection, f"looks at {self._server}")  # a run holds the lock of the server itself
            series = _Series(connection, self._server, now, may_pause)
            earlier = replace(series.observe(stale, any_room=any_room), held_until=self._held(connection, now))
            if duplicates is None:
                return earlier
            series = _Series(connection, f"{self._server} duplicates", now, may_pause)
            doubles = series.observe(duplicates, any_room=any_room)
            return replace(
                earlier,
                duplicate_since=doubles.stale_since,
                pause=earlier.pause or doubles.pause,
                damaged=earlier.damaged + doubles.damaged,
            )

    def hold(self, rule_ids: Iterable[str], until: datetime) -> None:
        """Spare these rules until then, however long they are stale; what was held for too long is forgotten."""
        rows = [{"server": self._server, "rule_id": one, "until": until.isoformat()} for one in rule_ids]
        over = holds.c.rule_id.in_([row["rule_id"] for row in rows]) | (holds.c.until < self._now().isoformat())
        with self._writing() as connection:
            connection.execute(delete(holds).where(holds.c.server == self._server, over))
            if rows:
                connection.execute(insert(holds), rows)

    def held(self) -> dict[str, datetime]:
        """The rules that are spared now, and until when."""
        with self._reading() as connection:
            return self._held(connection, self._now())

    def _held(self, connection: Connection, now: datetime) -> dict[str, datetime]:
        rows = connection.execute(select(holds.c.rule_id, holds.c.until).where(holds.c.server == self._server))
        until = {row.rule_id: _moment(row.until) for row in rows}
        return {rule_id: moment for rule_id, moment in until.items() if moment is not None and moment > now}

    def begin_run(self, run: str) -> None:
        """Note that a run is about to write; a note that is found later says that it was killed."""
        values = {"run": run, "server": self._server, "started_at": self._now().isoformat()}
        with self._writing() as connection:
            connection.execute(insert(runs).values(values))

    def end_run(self, run: str, skew_s: float = 0.0) -> None:
        """Note that a run came to its end, by the server's clock, which is that many seconds ahead of ours."""
        ended_at = (self._now() + timedelta(seconds=skew_s)).isoformat()
        with self._writing() as connection:
            connection.execute(update(runs).where(runs.c.run == run).values(ended_at=ended_at))

    def unsettled_runs(self) -> dict[str, datetime | None]:
        """The runs at this server that no later one has settled, oldest first, and when each ended; None = never."""
        query = select(runs.c.run, runs.c.ended_at).where(runs.c.server == self._server).order_by(runs.c.started_at)
        with self._reading() as connection:
            return {run: _moment(at) for run, at in connection.execute(query)}

    def settle(self, settled: Iterable[str]) -> None:
        """Forget runs: what they left is as it should be. One that its host did not come back to is over in a day."""
        long_ago = (self._now() - _REMEMBERED).isoformat()
        here = runs.c.server == self._server
        with self._writing() as connection:
            connection.execute(delete(runs).where(here, runs.c.run.in_(list(settled)) | (runs.c.started_at < long_ago)))


@dataclass(frozen=True, slots=True)
class _Series:
    """Observations of one kind, under a name of their own, in one transaction; how long a pause between them may be."""

    connection: Connection
    name: str
    now: datetime
    may_pause: timedelta

    def observe(self, rules: Iterable[DispatchRule], *, any_room: bool) -> Earlier:
        """What was known of these rules; this observation is the last one from here on."""
        digests = {rule.sip_dispatch_rule_id: _digest(rule) for rule in rules}
        earlier = self._earlier(digests)
        self._note(digests, earlier, any_room=any_room)
        return earlier

    def _earlier(self, digests: Mapping[str, str]) -> Earlier:
        here = select(observations.c.last_at, observations.c.empty_since).where(observations.c.server == self.name)
        last = self.connection.execute(here).first()
        if last is None:
            return Earlier()
        last_at, empty = _moment(last.last_at), _moment(last.empty_since)
        if last_at is None:
            return Earlier(is_first=False, damaged=1)
        if (pause := self.now - last_at) > self.may_pause:
            return Earlier(is_first=False, pause=pause)
        since = self._since(digests)
        readable = {rule_id: moment for rule_id, moment in since.items() if moment is not None}
        return Earlier(
            is_first=False,
            stale_since={rule_id: moment for rule_id, moment in readable.items() if moment <= self.now},
            empty_since=empty if empty is not None and empty <= self.now else None,
            damaged=len(since) - len(readable) + (empty is None and bool(last.empty_since)),
        )

    def _since(self, digests: Mapping[str, str]) -> dict[str, datetime | None]:
        """Since when rules are as these are, None where the record is damaged."""
        seen = select(sightings.c.rule_id, sightings.c.digest, sightings.c.since)
        return {
            rule_id: _moment(moment)
            for rule_id, digest, moment in self.connection.execute(seen.where(sightings.c.server == self.name))
            if digests.get(rule_id) == digest
        }

    def _note(self, digests: Mapping[str, str], earlier: Earlier, *, any_room: bool) -> None:
        connection, now = self.connection, self.now.isoformat()
        connection.execute(delete(sightings).where(sightings.c.server == self.name))
        rows = [
            {
                "server": self.name,
                "rule_id": rule_id,
                "digest": digest,
                "since": earlier.stale_since[rule_id].isoformat() if rule_id in earlier.stale_since else now,
            }
            for rule_id, digest in digests.items()
        ]
        if rows:
            connection.execute(insert(sightings), rows)
        empty_since = None if any_room else (earlier.empty_since or self.now).isoformat()
        connection.execute(delete(observations).where(observations.c.server == self.name))
        connection.execute(insert(observations).values(server=self.name, last_at=now, empty_since=empty_since))


def _moment(text: object) -> datetime | None:
    """The time that a record holds; None if it holds none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _digest(rule: DispatchRule) -> str:
    """What tells whether a rule is still the same."""
    return hashlib.sha256(json.dumps(rule_to_json(rule), sort_keys=True).encode()).hexdigest()
