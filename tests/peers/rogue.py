"""A server on loopback that is no LiveKit, or a broken one."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

Answer = Callable[[socket.socket, bytes], None]


def plain(status: str, body: bytes, content_type: str = "text/html", extra: str = "") -> Answer:
    """Always this answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return lambda connection, _request: connection.sendall(head.encode() + body)


def flood(total: int) -> Answer:
    """A success of this many bytes."""

    def answer(connection: socket.socket, _request: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/protobuf\r\nContent-Length: {total}\r\n\r\n"
        connection.sendall(head.encode())
        block = bytes(1024 * 1024)
        for _ in range(total // len(block)):
            connection.sendall(block)

    return answer


def cut(connection: socket.socket, _request: bytes) -> None:
    """Half an answer, then the end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/protobuf\r\nContent-Length: 100\r\n\r\nhalf")


def hang(connection: socket.socket, _request: bytes) -> None:
    """No answer while the other side waits."""
    connection.settimeout(30)
    with contextlib.suppress(OSError):
        connection.recv(1)


def echo_token(connection: socket.socket, request: bytes) -> None:
    """The refusal of livekit-server 1.13, which repeats the token."""
    token = next(line for line in request.decode().splitlines() if line.lower().startswith("authorization:")).split()[
        -1
    ]
    body = f"invalid token: {token}, error: token signature is invalid: signature is invalid".encode()
    plain("401 Unauthorized", body, "text/plain")(connection, request)


@contextlib.contextmanager
def rogue(answer: Answer) -> Iterator[tuple[str, list[bytes]]]:
    """The URL of a server that gives this answer to every request, and the requests that it got."""
    listener = socket.create_server(("127.0.0.1", 0))
    requests: list[bytes] = []
    workers: list[threading.Thread] = []

    def talk(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            request = connection.recv(65536)
            if request:
                requests.append(request)
                answer(connection, request)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                workers.append(threading.Thread(target=talk, args=(connection,), daemon=True))
                workers[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for worker in workers:
            worker.join(1)
