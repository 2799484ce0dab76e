"""Debian's kamailio on loopback: OPTIONS over UDP, TCP and TLS, answered as the user of the URI says."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.support.peers.certificates import Pair
from tests.support.peers.livekit import free_ports

USER, PASSWORD, REALM = "sip.test", "s3cret", "sip.test"
"""Who may pass where a user of the URI asks for credentials; kamailio takes one password for every user name."""

_MODULES = sorted(Path("/usr/lib").glob("*/kamailio/modules"))
_UP_WITHIN_S = 15.0
_CONFIG = Template(
    """#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
enable_tls=yes
$listen
mpath="$modules/"
loadmodule "kex.so"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "auth.so"
loadmodule "tls.so"
modparam("tls", "config", "$folder/tls.cfg")
modparam("auth", "nonce_expire", 60)
modparam("auth", "algorithm", "$algorithm")
request_route {
    if (is_method("ACK")) { exit; }
    if ($$rU == "busy") { sl_send_reply("486", "Busy Here"); exit; }
    if ($$rU == "silent") { exit; }
    if ($$rU == "trying") { sl_send_reply("100", "Trying"); exit; }
    if ($$rU == "sorry") { append_to_reply("Retry-After: 30\\r\\n"); sl_send_reply("503", "Unavailable"); exit; }
    if ($$rU == "secret" && !pv_www_authenticate("$realm", "$password", "0")) {
        www_challenge("$realm", "$flags");
        exit;
    }
    if ($$rU == "psecret" && !pv_proxy_authenticate("$realm", "$password", "0")) {
        proxy_challenge("$realm", "$flags");
        exit;
    }
    sl_send_reply("200", "Keepalive");
}
"""
)

_OPTIONS = (
    b"OPTIONS sip:up@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKup\r\nMax-Forwards: 70\r\n"
    b"From: <sip:up@127.0.0.1>;tag=1\r\nTo: <sip:up@127.0.0.1>\r\nCall-ID: up\r\nCSeq: 1 OPTIONS\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def missing() -> str:
    """What is not installed; "" if nothing."""
    if not shutil.which("kamailio"):
        return "no kamailio installed (Debian package kamailio)"
    tls = any((modules / "tls.so").exists() for modules in _MODULES)
    return "" if tls else "no TLS for kamailio (Debian package kamailio-tls-modules)"


@dataclass(frozen=True, kw_only=True)
class Kamailio:
    """A kamailio: `port` takes UDP and TCP on 127.0.0.1 and ::1, `tls` is a port for each label of a certificate."""

    port: int
    tls: Mapping[str, int]


@contextlib.contextmanager
def running_kamailio(
    folder: Path, certificates: Mapping[str, Pair], *, algorithm: str = "MD5", qop: bool = False
) -> Iterator[Kamailio]:
    """A kamailio with these certificates; `algorithm` is "MD5" or "SHA-256"; `qop` = its challenges offer it."""
    first = free_ports(1 + len(certificates))
    kamailio = Kamailio(port=first, tls={label: first + 1 + at for at, label in enumerate(certificates)})
    _write_config(folder, kamailio, certificates, algorithm, qop)
    words = ["kamailio", "-f", str(folder / "kamailio.cfg"), "-DD", "-E", "-m", "64", "-M", "8", "-Y", str(folder)]
    with (folder / "kamailio.log").open("wb") as log:
        process = subprocess.Popen([*words, "-P", str(folder / "kamailio.pid")], stdout=log, stderr=log)
    try:
        _wait(kamailio.port, process)
        yield kamailio
    finally:
        process.terminate()
        process.wait()


def _write_config(
    folder: Path, kamailio: Kamailio, certificates: Mapping[str, Pair], algorithm: str, qop: bool
) -> None:
    plain = [f"listen={kind}:{ip}:{kamailio.port}" for kind in ("udp", "tcp") for ip in ("127.0.0.1", "[::1]")]
    secure = [f"listen=tls:127.0.0.1:{port}" for port in kamailio.tls.values()]
    (folder / "kamailio.cfg").write_text(
        _CONFIG.substitute(
            listen="\n".join(plain + secure),
            modules=_MODULES[0],
            folder=folder,
            algorithm=algorithm,
            flags=int(qop),
            realm=REALM,
            password=PASSWORD,
        )
    )
    profiles = {f"127.0.0.1:{kamailio.tls[label]}": pair for label, pair in certificates.items()}
    profiles["default"] = next(iter(certificates.values()))
    (folder / "tls.cfg").write_text(
        "\n".join(
            f"[server:{name}]\nmethod = TLSv1.2+\nverify_certificate = no\nrequire_certificate = no\n"
            f"private_key = {pair.key}\ncertificate = {pair.certificate}\n"
            for name, pair in profiles.items()
        )
    )


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait for an answer: its sockets are open long before it reads them."""
    deadline = time.monotonic() + _UP_WITHIN_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        asking.connect(("127.0.0.1", port))
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"kamailio ended with {process.returncode}")
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                asking.send(_OPTIONS)
                asking.recv(2000)
                return
    raise TimeoutError("kamailio does not answer")
