"""Clients that die at any moment, or speak no HTTP at all: the sandbox goes on, and writes no traceback."""

import http.client
import json
import logging
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path

import jwt
import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.running import clean_env, command

LIST = "/twirp/livekit.SIP/ListSIPDispatchRule"
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection, as the death of a machine does."""


class Victim:
    """A sandbox, and the ways in which its clients die."""

    def __init__(self, port: int, secret: str) -> None:
        self.port = port
        self._headers = f"Host: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {_token(secret)}"

    def request(self, path: str, body: bytes = b"{}", length: int | None = None) -> bytes:
        head = f"POST {path} HTTP/1.1\r\n{self._headers}\r\nContent-Length: {len(body) if length is None else length}"
        return f"{head}\r\n\r\n".encode() + body

    def act(self, action: str, **body: object) -> None:
        assert self._status("POST", f"/sandbox/{action}", json.dumps(body)) == 200

    def is_well(self) -> bool:
        return self._status("GET", "/") == 200

    def _status(self, verb: str, path: str, body: str = "") -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(verb, path, body, {"Content-Type": "application/json"})
            return connection.getresponse().status

    def die_after(self, data: bytes, *, read: int = 0, abruptly: bool = True) -> None:
        """Send these bytes, read so many of the answer, and be gone."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            if abruptly:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.sendall(data)
            if read:
                client.recv(read)


def _token(secret: str) -> str:
    return jwt.encode({"iss": "devkey", "sip": {"admin": True}, "video": {"roomCreate": True}}, secret, "HS256")


@pytest.fixture
def victim(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> Iterator[Victim]:
    """A sandbox in this process; no library of it may log anything, for what is logged may reach stderr."""
    yield Victim(sandbox.port, sandbox.api_secret.reveal())
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO] == []


def test_in_the_middle_of_a_request(victim: Victim) -> None:
    for path, abruptly in product((LIST, "/sandbox/clock", "/", "/nosuch"), (True, False)):
        whole = victim.request(path, b'{"seconds": 1}', length=5000)
        for length in (1, 20, len(whole) - 20, len(whole)):
            victim.die_after(whole[:length], abruptly=abruptly)
        victim.die_after(whole.replace(b"Content-Length: 5000", b"Transfer-Encoding: chunked"), abruptly=abruptly)
        assert victim.is_well()


def test_while_it_waits_or_reads(victim: Victim) -> None:
    for fault, abruptly in product(("hang", "latency=50", "cut", "status=500", "page", "latency=0"), (True, False)):
        victim.act("fault", fault=f"{fault}@ListSIPDispatchRule")
        victim.die_after(victim.request(LIST), abruptly=abruptly)
        if fault != "hang":
            victim.die_after(victim.request(LIST), read=1, abruptly=abruptly)
        victim.act("fault")
        assert victim.is_well()


def test_in_the_middle_of_a_long_answer(victim: Victim) -> None:
    rule = {"name": "n" * 4_000_000, "rule": {"dispatch_rule_direct": {"room_name": "demo", "pin": "4821930571"}}}
    create = victim.request(LIST.replace("List", "Create"), json.dumps({"dispatch_rule": rule}).encode())
    for abruptly in (True, False):
        victim.die_after(create, read=1, abruptly=abruptly)
        victim.die_after(victim.request(LIST), read=100, abruptly=abruptly)
        victim.act("fault", fault="cut@ListSIPDispatchRule", times=1)
        victim.die_after(victim.request(LIST), read=100, abruptly=abruptly)
        assert victim.is_well()


NO_HTTP = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"hello\r\n\r\n",
    b"\x00" * 300,
    b"A" * 100_000,
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    b"G\xffT / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /%00%ff%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nxyz",
    b"POST /sandbox/join HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: something\r\nContent-Length: 0\r\n\r\n",
    b"POST /sandbox/join HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    b"POST /sandbox/join HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
)


def test_what_is_no_http(victim: Victim) -> None:
    for data in NO_HTTP:
        victim.die_after(data)
        victim.die_after(data, read=1, abruptly=False)
        assert victim.is_well()


def test_a_process_writes_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.env"
    words = command("sandbox", "run", "--env-out", str(file))
    with subprocess.Popen(words, env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        try:
            process.stdout.readline()  # the file is written before anything is announced
            env = dict(line.split("=", 1) for line in file.read_text().splitlines())
            victim = Victim(int(env["LIVEKIT_URL"].rpartition(":")[2]), env["LIVEKIT_API_SECRET"])
            for data in (*NO_HTTP, victim.request(LIST, length=5000), victim.request(LIST)):
                victim.die_after(data)
            assert victim.is_well()
        finally:
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=20)
        assert (process.returncode, stderr.decode()) == (0, "")
