"""Commands that listen, each as a process of its own."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.support.running import command, until


@dataclass
class Serving:
    """A process that listens: its address, and what it wrote so far."""

    process: "subprocess.Popen[bytes]"
    url: str = ""
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    _readers: list[threading.Thread] = field(default_factory=list)

    def read(self) -> None:
        """Read both streams as they come."""
        for stream, kept in ((self.process.stdout, self.out), (self.process.stderr, self.err)):
            assert stream
            reader = threading.Thread(target=lambda s=stream, k=kept: [k.extend(line) for line in s], daemon=True)
            reader.start()
            self._readers.append(reader)

    def end(self, number: int) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(30)
        for reader in self._readers:
            reader.join(10)
        return code


@contextlib.contextmanager
def serving(*words: str, env: Mapping[str, str]) -> Iterator[Serving]:
    """The command while the body runs, once it listens."""
    process = subprocess.Popen(command(*words), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    one = Serving(process)
    try:
        one.read()
        until(lambda: b"listening on " in one.err or process.poll() is not None)
        until(lambda: b"\n" in one.err.partition(b"listening on ")[2] or process.poll() is not None)
        assert b"listening on " in one.err, bytes(one.err)
        one.url = one.err.partition(b"listening on ")[2].split(b"\n")[0].decode()
        yield one
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
