"""Client transactions on paper: what arrives and which timer fires, against what leaves and what is reported."""

import pytest

from sipctl.sip.message import Request, Response, build_request, build_response
from sipctl.sip.parser import parse
from sipctl.sip.transaction import ClientTransaction, State, cancel
from tests.support.sip_requests import options_request

INVITE = build_request(
    "INVITE", "sip:b@192.0.2.1",
    [
        ("Via", "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKi;rport"), ("Max-Forwards", "70"),
        ("From", "<sip:a@192.0.2.7>;tag=1"), ("To", "<sip:b@192.0.2.1>"), ("Call-ID", "i@192.0.2.7"),
        ("CSeq", "7 INVITE"), ("Route", "<sip:192.0.2.9;lr>"), ("Contact", "<sip:a@192.0.2.7>"),
    ],
)  # fmt: skip
OPTIONS = options_request()


def response(code: int, *, to: ClientTransaction) -> Response:
    return build_response(to.request, code, "", to_tag="t")


def idle(transaction: ClientTransaction, until: float) -> tuple[list[float], float | None]:
    """When it sends if nothing else happens, and when it times out (None = not by then)."""
    sent: list[float] = []
    while (at := transaction.next_timer()) is not None and at <= until:
        if transaction.on_timer(at):
            return sent, at
        sent += [at] * len(taken(transaction))
    return sent, None


def taken(transaction: ClientTransaction) -> list[str]:
    """The methods of what is to be sent, which is then taken as sent."""
    methods = [data.split(b" ", 1)[0].decode() for data in transaction.outbox]
    transaction.outbox.clear()
    return methods


def test_a_request_over_udp_is_sent_again_until_it_times_out() -> None:
    transaction = ClientTransaction(OPTIONS, started=100.0)
    assert taken(transaction) == ["OPTIONS"]
    sends = [100.5, 101.5, 103.5, 107.5, 111.5, 115.5, 119.5, 123.5, 127.5, 131.5]
    assert idle(transaction, until=1000.0) == (sends, 132.0)
    assert (transaction.state, transaction.next_timer(), transaction.sends) == (State.TERMINATED, None, 11)


def test_an_invite_over_udp_doubles_without_end() -> None:
    transaction = ClientTransaction(INVITE, started=0.0)
    taken(transaction)
    assert idle(transaction, until=1000.0) == ([0.5, 1.5, 3.5, 7.5, 15.5, 31.5], 32.0)


@pytest.mark.parametrize("request_", [OPTIONS, INVITE])
def test_over_a_stream_nothing_is_sent_again(request_: Request) -> None:
    transaction = ClientTransaction(request_, started=0.0, is_reliable=True)
    assert len(taken(transaction)) == 1
    assert idle(transaction, until=1000.0) == ([], 32.0)


def test_a_final_response_ends_a_request_and_repetitions_are_absorbed() -> None:
    transaction = ClientTransaction(OPTIONS, started=0.0)
    taken(transaction)
    assert transaction.receive(response(200, to=transaction), now=0.1)
    assert not transaction.receive(response(200, to=transaction), now=0.6)
    assert (transaction.state, transaction.next_timer()) == (State.COMPLETED, 5.1)
    assert not transaction.on_timer(5.1)
    assert transaction.state is State.TERMINATED
    assert taken(transaction) == []


def test_over_a_stream_a_final_response_ends_a_request_at_once() -> None:
    transaction = ClientTransaction(OPTIONS, started=0.0, is_reliable=True)
    assert transaction.receive(response(404, to=transaction), now=0.1)
    assert (transaction.state, transaction.next_timer()) == (State.TERMINATED, None)


def test_a_transaction_knows_how_often_it_was_sent() -> None:
    transaction = ClientTransaction(OPTIONS, started=0.0)
    assert transaction.sends == 1
    transaction.on_timer(0.5)
    assert transaction.sends == 2


def test_a_provisional_response_slows_a_request_and_silences_an_invite() -> None:
    asked, called = ClientTransaction(OPTIONS, started=0.0), ClientTransaction(INVITE, started=0.0)
    for transaction in (asked, called):
        taken(transaction)
        assert transaction.receive(response(100, to=transaction), now=0.2)
        assert transaction.receive(response(180, to=transaction), now=0.3)
    assert idle(asked, until=20.0) == ([0.5, 4.5, 8.5, 12.5, 16.5], None)
    assert called.next_timer() is None


def test_a_refused_invite_is_acknowledged_as_often_as_it_is_refused() -> None:
    transaction = ClientTransaction(INVITE, started=0.0)
    taken(transaction)
    news = []
    for now in (1.0, 1.5, 2.5):
        news.append(transaction.receive(response(486, to=transaction), now))
        assert taken(transaction) == ["ACK"]
    assert news == [True, False, False]
    assert transaction.next_timer() == 33.0
    transaction.on_timer(33.0)
    assert transaction.state is State.TERMINATED


def test_the_acknowledgement_goes_where_the_invite_went() -> None:
    transaction = ClientTransaction(INVITE, started=0.0, is_reliable=True)
    taken(transaction)
    transaction.receive(response(407, to=transaction), now=1.0)
    [data] = transaction.outbox
    ack, faults = parse(data)
    assert not faults
    assert ack.start_line == "ACK sip:b@192.0.2.1 SIP/2.0"
    assert [header.text for header in ack.headers] == [
        "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKi;rport", "Max-Forwards: 70", "To: <sip:b@192.0.2.1>;tag=t",
        "CSeq: 7 ACK", "From: <sip:a@192.0.2.7>;tag=1", "Call-ID: i@192.0.2.7", "Route: <sip:192.0.2.9;lr>",
        "Content-Length: 0",
    ]  # fmt: skip
    assert transaction.state is State.TERMINATED


def test_every_2xx_of_an_invite_is_news_for_its_user_to_acknowledge() -> None:
    transaction = ClientTransaction(INVITE, started=0.0)
    taken(transaction)
    assert transaction.receive(response(200, to=transaction), now=1.0)
    assert transaction.receive(response(200, to=transaction), now=1.5)
    assert not transaction.receive(response(486, to=transaction), now=2.0)
    assert (taken(transaction), transaction.next_timer()) == ([], 33.0)
    transaction.on_timer(33.0)
    assert not transaction.receive(response(200, to=transaction), now=34.0)


def test_a_cancel_is_a_transaction_of_its_own_under_the_same_branch() -> None:
    called, cancelled = ClientTransaction(INVITE, started=0.0), ClientTransaction(cancel(INVITE), started=1.0)
    parsed = parse(cancelled.outbox[0])
    assert not parsed.faults
    assert parsed.message.start_line == "CANCEL sip:b@192.0.2.1 SIP/2.0"
    assert parsed.message.cseq == (7, "CANCEL")
    assert parsed.message.headers.first("To") == "<sip:b@192.0.2.1>"
    confirmed = response(200, to=cancelled)
    assert (called.matches(confirmed), cancelled.matches(confirmed)) == (False, True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"z9hG4bKa", b"z9hG4bKother"),
        (b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE"),
        (b"CSeq: 1 OPTIONS", b"CSeq: 9292394834772304023312 OPTIONS"),
        (b"Call-ID: a@", b"Call-ID: b@"),
        (b"Via: ", b"X: "),
        (b"Via: ", b"Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKo\r\nVia: "),
        (b";rport", b";rport, SIP/2.0/UDP 255.255.255.255"),
        (b" 200 ", b" 4294967301 "),
    ],
)
def test_what_does_not_answer_is_not_taken(old: bytes, new: bytes) -> None:
    transaction = ClientTransaction(OPTIONS, started=0.0)
    data = bytes(response(200, to=transaction))
    sound, odd = parse(data).message, parse(data.replace(old, new, 1)).message
    assert isinstance(sound, Response)
    assert isinstance(odd, Response)
    assert (transaction.matches(sound), transaction.matches(odd)) == (True, False)


def test_a_timer_that_is_not_due_does_nothing() -> None:
    transaction = ClientTransaction(OPTIONS, started=0.0)
    assert not transaction.on_timer(0.4)
    assert (transaction.sends, transaction.next_timer()) == (1, 0.5)
