"""Addresses: what of one may be shown, and which are spellings of one server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.config.urls import same_server, server_name
from sipctl.masking import shown_url, shown_words

SERVERS = [
    ["https://livekit.example.org", "wss://livekit.example.org/", "HTTPS://LiveKit.Example.org:443//", "https://livekit.example.org."],
    ["http://livekit.example.org", "ws://livekit.example.org:80"],
    ["https://livekit.example.org:80"],
    ["https://livekit.example.org/lk", "wss://livekit.example.org/lk/"],
    ["https://livekit.example.org/LK"],
    ["http://localhost:7880", "ws://127.0.0.1:7880", "http://127.0.0.2:7880/", "http://[::1]:7880", "http://[0:0::1]:7880",
     "ws://0.0.0.0:7880", "http://[::]:7880", "http://[::ffff:127.0.0.1]:7880", "http://lk.localhost:7880"],
    ["http://localhost", "http://127.0.0.1:80"],
    ["http://[2001:DB8:0::1]:7880", "ws://[2001:db8::1]:7880"],
    ["http://192.0.2.1"],
    ["registry"],
    ["http://["],
]  # fmt: skip


def test_each_server_has_one_name_and_no_other_has_it() -> None:
    names = [{server_name(spelling) for spelling in spellings} for spellings in SERVERS]
    assert [len(of_one) for of_one in names] == [1] * len(SERVERS)
    assert len(set.union(*names)) == len(SERVERS)
    assert same_server(*SERVERS[0][:2])
    assert not same_server(SERVERS[0][0], SERVERS[1][0])


def test_a_loopback_address_is_another_server_on_another_host() -> None:
    one, other = (server_name("ws://127.0.0.1:7880", host) for host in ("a", "b"))
    assert one == server_name("http://localhost:7880/", "a")
    assert len({one, other, server_name("ws://127.0.0.1:7880")}) == 3
    assert server_name("https://livekit.example.org", "a") == server_name("wss://livekit.example.org", "b")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://livekit.example.org:7880/lk", "https://livekit.example.org:7880/lk"),
        ("https://u:hunter2@h/x", "https://********@h/x"),
        ("https://h/x?token=hunter2", "https://h/x?********"),
        ("https://h/x?a=1#hunter2", "https://h/x?********"),
        ("https://h/#hunter2", "https://h/#********"),
        ("u:hunter2@h:6379", "********@h:6379"),
        ("sip:u:hunter2@h", "********@h"),
        ("https://h/x?", "https://h/x?"),
    ],
)
def test_what_of_an_address_is_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@given(st.text(min_size=1), st.sampled_from(["postgresql://u:{}@h/d", "https://{}@h", "redis://:{}@h:1/0", "u:{}@h"]))
def test_no_password_is_shown_however_it_is_written(password: str, url: str) -> None:
    canary = f"hunter2{password}hunter2"
    assert "hunter2" not in shown_url(url.format(canary))


def test_addresses_in_what_others_say() -> None:
    described = "lookup redis://:hunter2@h/0?x=hunter2: no such host, nor u:hunter2@h, at 12:30 in room a@b"
    shown = shown_words(described)
    assert "hunter2" not in shown
    assert shown.endswith("at 12:30 in room a@b")
