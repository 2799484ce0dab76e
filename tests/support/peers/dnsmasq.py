"""Debian's dnsmasq with a zone of our own, on loopback."""

import contextlib
import getpass
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from tests.support.peers.livekit import free_ports

_UP_WITHIN_S = 10.0


def missing() -> str:
    """What is not installed; "" if nothing."""
    return "" if shutil.which("dnsmasq") else "no dnsmasq installed (Debian package dnsmasq-base)"


@contextlib.contextmanager
def running_dnsmasq(folder: Path, zone: str) -> Iterator[tuple[str, int]]:
    """A name server that knows a zone of dnsmasq's configuration lines and nothing else; its address and port."""
    port = free_ports(1)
    file = folder / "dnsmasq.conf"
    file.write_text(
        f"no-resolv\nno-hosts\nport={port}\nlisten-address=127.0.0.1\nbind-interfaces\nlocal-ttl=60\n"
        f"user={getpass.getuser()}\npid-file=\n{zone}"
    )
    words = ["dnsmasq", "--keep-in-foreground", f"--conf-file={file}", f"--log-facility={folder / 'dnsmasq.log'}"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port, process)
        yield "127.0.0.1", port
    finally:
        process.kill()
        process.wait()


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    question = dns.message.make_query("up.test", "A")
    deadline = time.monotonic() + _UP_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"dnsmasq ended with {process.returncode}")
        with contextlib.suppress(OSError, dns.exception.Timeout):
            dns.query.udp(question, "127.0.0.1", port=port, timeout=0.2)
            return
        threading.Event().wait(0.02)
    raise TimeoutError("dnsmasq does not answer")
