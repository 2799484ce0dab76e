"""The real livekit-sip beside a real livekit-server, on loopback."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.peers.livekit import API_KEY, API_SECRET, SIP_NODE, SIP_VERSION, RealLiveKit, free_ports, wait_for

_PORTS = 60
_RTP_FROM = 10


def missing() -> str:
    """What is not installed; "" if nothing."""
    return "" if SIP_NODE.exists() else f"no livekit-sip {SIP_VERSION} at {SIP_NODE}"


class SipNode:
    """A livekit-sip. `port` takes SIP over UDP and TCP, `health_url` answers 200; `ws_port` is where it joins rooms.

    Of its `ports` all but ten are for sound, two for each call. `redis_db` is the database of redis that it names.
    """

    def __init__(
        self, server: RealLiveKit, folder: Path, ws_port: int | None = None, ports: int = _PORTS, redis_db: int = 0
    ) -> None:
        self._redis_db = redis_db
        self._ports = ports
        self._server = server
        self._ws_port = ws_port or server.port
        self._folder = folder
        self.port = free_ports(ports)
        self.health_url = f"http://127.0.0.1:{self.port + 1}/"
        self.log_file = folder / "livekit-sip.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert self._server.redis
        config = self._folder / "sip.yaml"
        config.write_text(
            f"api_key: {API_KEY}\napi_secret: {API_SECRET}\nws_url: ws://127.0.0.1:{self._ws_port}\n"
            f'redis: {{address: "127.0.0.1:{self._server.redis.port}", db: {self._redis_db}}}\n'
            f"sip_port: {self.port}\nsip_port_listen: {self.port}\nlisten_ip: 127.0.0.1\nlocal_net: 127.0.0.0/8\n"
            f"nat_1_to_1_ip: 127.0.0.1\nrtp_port: {self.port + _RTP_FROM}-{self.port + self._ports - 1}\n"
            f"health_port: {self.port + 1}\nuse_external_ip: false\nmax_cpu_utilization: 1\n"
            "logging: {level: info, json: true}\n"
        )
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen([SIP_NODE, "--config", config], stdout=log, stderr=subprocess.STDOUT)
        wait_for(self.health_url, self._process)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def drain(self) -> None:
        """Ask it to stop, as systemd and containers do; it waits for its last call."""
        assert self._process
        self._process.terminate()

    def lines(self) -> list[str]:
        """Its log so far."""
        return [line for line in self.log_file.read_text().splitlines() if line.startswith("{")]


@contextlib.contextmanager
def running_sip_node(
    server: RealLiveKit, folder: Path, ws_port: int | None = None, ports: int = _PORTS, redis_db: int = 0
) -> Iterator[SipNode]:
    """A livekit-sip while the body runs."""
    node = SipNode(server, folder, ws_port, ports, redis_db)
    try:
        node.start()
        yield node
    finally:
        node.stop()
