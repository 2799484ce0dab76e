"""sipctl's own files, while another run of sipctl makes and removes them."""

import threading
from pathlib import Path

from sipctl.config.own_files import loose_files, secure_database


def test_a_log_of_sqlite_that_comes_and_goes_meanwhile(tmp_path: Path) -> None:
    log, done = tmp_path / "looks.db-wal", threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            log.touch(mode=0o644)
            log.unlink()

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        for _ in range(2000):
            assert {path for path, _ in loose_files(tmp_path)} <= {log}
            secure_database(tmp_path / "looks.db")
    finally:
        done.set()
        other.join()
