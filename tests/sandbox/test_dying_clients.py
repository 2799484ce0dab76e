"""Clients that die at any moment, or speak no HTTP at all: the sandbox goes on, and writes no traceback."""

import http.client
import json
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing
from itertools import product

import jwt
import pytest

from cli.running import clean_env, command

Process = subprocess.Popen[bytes]
LIST = "/twirp/livekit.SIP/ListSIPDispatchRule"
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection, as the death of a machine does."""


@pytest.fixture(scope="module")
def secret() -> str:
    return "a-secret-of-at-least-32-characters"


class Running:
    """`sandbox run` as a process."""

    def __init__(self, process: Process, secret: str) -> None:
        assert process.stdout
        url = process.stdout.readline().decode().strip().partition("=")[2]
        self.port = int(url.rpartition(":")[2])
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
def running(tmp_path_factory: pytest.TempPathFactory, secret: str) -> Iterator[Running]:
    """The process; at its end it must have written nothing to stderr."""
    file = tmp_path_factory.mktemp("secret") / "secret"
    file.write_text(secret)
    words = command("sandbox", "run", "--api-secret-file", str(file))
    with subprocess.Popen(words, env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield Running(process, secret)
        finally:
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=20)
        assert (process.returncode, stderr.decode()) == (0, "")


def test_in_the_middle_of_a_request(running: Running) -> None:
    for path, abruptly in product((LIST, "/sandbox/clock", "/", "/nosuch"), (True, False)):
        whole = running.request(path, b'{"seconds": 1}', length=5000)
        for length in (1, 20, len(whole) - 20, len(whole)):
            running.die_after(whole[:length], abruptly=abruptly)
        running.die_after(whole.replace(b"Content-Length: 5000", b"Transfer-Encoding: chunked"), abruptly=abruptly)
        assert running.is_well()


def test_while_it_waits_or_reads(running: Running) -> None:
    for fault, abruptly in product(("hang", "latency=50", "cut", "status=500", "page", "latency=0"), (True, False)):
        running.act("fault", fault=f"{fault}@ListSIPDispatchRule")
        running.die_after(running.request(LIST), abruptly=abruptly)
        if fault != "hang":
            running.die_after(running.request(LIST), read=1, abruptly=abruptly)
        running.act("fault")
        assert running.is_well()


def test_in_the_middle_of_a_long_answer(running: Running) -> None:
    rule = {"name": "n" * 4_000_000, "rule": {"dispatch_rule_direct": {"room_name": "demo", "pin": "4821930571"}}}
    create = running.request(LIST.replace("List", "Create"), json.dumps({"dispatch_rule": rule}).encode())
    for abruptly in (True, False):
        running.die_after(create, read=1, abruptly=abruptly)
        running.die_after(running.request(LIST), read=100, abruptly=abruptly)
        running.act("fault", fault="cut@ListSIPDispatchRule", times=1)
        running.die_after(running.request(LIST), read=100, abruptly=abruptly)
        assert running.is_well()


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


def test_what_is_no_http(running: Running) -> None:
    for data in NO_HTTP:
        running.die_after(data)
        running.die_after(data, read=1, abruptly=False)
        assert running.is_well()
