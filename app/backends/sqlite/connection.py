"""Connections to the embedded files, opened the same way everywhere.

Owns: pragmas and lock time-outs. Does not own: tables (each module makes its own), threads. Next stop: app/backends/sqlite/log.py.

SQLite's documentation of the pragmas: https://www.sqlite.org/pragma.html, of the write-ahead log: https://www.sqlite.org/wal.html.
"""

import sqlite3
import threading
from pathlib import Path

_AGAIN_S = 0.02


def connect(path: Path, *, busy_s: float = 1.0, checkpoint_pages: int = 4000) -> sqlite3.Connection:
    """Opens a file in WAL mode: a commit returns after fsync, readers and the one writer do not wait for each other.

    Transactions are explicit (BEGIN … COMMIT). `busy_s`: how long to wait for a lock of another connection.
    `checkpoint_pages`: pages of 8 KiB in the write-ahead log before it is copied into the file (a pause for the writer).

    Failure policy: raises sqlite3.Error; nothing stays open.
    """
    connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
    try:
        # The size counts for new files only and must come before the first page is written.
        connection.execute("PRAGMA page_size = 8192")
        _switch_to_wal(connection, busy_s)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {checkpoint_pages:d}")
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


def _switch_to_wal(connection: sqlite3.Connection, busy_s: float) -> None:
    """SQLite does not wait for a lock here, whatever the time-out: several processes that open a new file at once meet at this point.

    Failure policy: raises sqlite3.Error where the file stays locked for `busy_s`.
    """
    tries = int(busy_s / _AGAIN_S)
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or tries <= 0:
                raise
        tries -= 1
        threading.Event().wait(_AGAIN_S)
