"""The way to the server: proxies, private certificates, and every spelling of an address."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.needs import need
from tests.support.peers.hostile import PROTOBUF, hostile, says
from tests.support.running import assert_error, env_of, run, server_env

pytestmark = pytest.mark.smoke

SECRET = "a-secret-of-at-least-32-characters"
EMPTY_LIST = says(200, b"", PROTOBUF)


def test_a_proxy_is_used_and_can_be_left_out(sandbox: Sandbox) -> None:
    with hostile(says(502, "no way")) as proxy:
        env = server_env("http://livekit.invalid", SECRET, HTTP_PROXY=proxy.url)
        assert_error(run("rules", "list", env=env), 3, "answered 502")
        assert proxy.paths == ["/twirp/livekit.SIP/ListSIPDispatchRule"]
        env = env_of(sandbox, HTTP_PROXY=proxy.url, NO_PROXY="127.0.0.1")
        assert run("rules", "list", env=env).code == 0
        assert len(proxy.paths) == 1


def test_the_health_port_is_asked_through_the_proxy_too(sandbox: Sandbox) -> None:
    with hostile(says(200, "OK", "text/plain")) as proxy:
        env = env_of(sandbox, HTTP_PROXY=proxy.url, NO_PROXY="127.0.0.1", SIPCTL_SIP_HEALTH_URL="http://sip.invalid/")
        assert run("doctor", "--only", "SIP705", "--fail-on", "info", env=env).code == 0
        assert proxy.paths == ["/"]


def test_a_dead_proxy_says_nothing_about_callers(sandbox: Sandbox) -> None:
    env = env_of(sandbox, HTTP_PROXY="http://127.0.0.1:9", NO_PROXY="", SIPCTL_SIP_HEALTH_URL="http://sip.invalid/")
    ended = run("doctor", env=env)
    assert ended.code == 3
    assert ended.stdout.startswith("Whether callers get in could not be checked: cannot connect to the")
    assert_error(run("room", "list", env=env), 3, "cannot connect to the proxy 127.0.0.1:9", "NO_PROXY")
    assert run("doctor", "--only", "SIP705", env=env).code == 3


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1; its key is `key.pem` beside it."""
    need("" if shutil.which("openssl") else "no openssl installed")
    files = {"-keyout": tmp_path / "key.pem", "-out": tmp_path / "cert.pem"}
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1"
    words = [*request.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    words += [str(word) for pair in files.items() for word in pair]
    subprocess.run(["openssl", *words], check=True, capture_output=True)
    return files["-out"]


@pytest.mark.parametrize("scheme", ["https", "wss"])
def test_a_private_certificate(scheme: str, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with hostile(EMPTY_LIST, context) as server:
        env = server_env(server.url.replace("https", scheme), SECRET)
        assert_error(run("room", "list", env=env), 3, "no TLS with", "self-signed certificate", "SSL_CERT_FILE")
        assert run("room", "list", env=env | {"SSL_CERT_FILE": str(certificate)}).code == 0


@pytest.mark.parametrize(("scheme", "tail"), [("http", ""), ("http", "/"), ("ws", ""), ("ws", "/")])
def test_spellings_of_an_address(sandbox: Sandbox, scheme: str, tail: str) -> None:
    url = sandbox.url.replace("http", scheme) + tail
    assert run("room", "list", env=env_of(sandbox, LIVEKIT_URL=url)).code == 0


def test_a_path_before_the_api_is_kept() -> None:
    with hostile(EMPTY_LIST) as server:
        assert run("rules", "list", env=server_env(f"{server.url}/base/", SECRET)).code == 0
        assert server.paths == ["/base/twirp/livekit.SIP/ListSIPDispatchRule"]


def test_verbose_tells_of_each_call_and_nothing_else_does(sandbox: Sandbox) -> None:
    words = ("rules", "list", "--stale", "-o", "json")
    described = run(*words, "-v", env=env_of(sandbox)).stderr.splitlines()
    assert [line.partition(" in ")[0] for line in described] == ["ListSIPDispatchRule: 200", "ListRooms: 200"]
    assert run(*words, env=env_of(sandbox)).stderr == ""
