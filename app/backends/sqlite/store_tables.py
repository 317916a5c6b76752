# ruff: noqa: S608 - the names in these statements are those of COLLECTIONS; every value is a parameter.
"""The tables of store.db, and every statement that reads or writes them.

Owns: the schema, packing rows into one value, the queries. Does not own: connections and threads (store.py), transactions
(store_writer.py). Next stop: app/backends/sqlite/store_writer.py.

Python's sqlite3 gives the interpreter's lock away and takes it back for every single row it reads or writes. While the event loop's
thread is busy, taking it back lasts up to 5 ms, so a thousand rows last seconds (measured: 6 ms beside an idle loop, 1,700 ms beside a
busy one). Hence every statement here is one step of SQLite whatever the number of rows: many rows are written by one INSERT, and rows
are read as one value, their columns separated by the byte 0xFF, which no UTF-8 text contains.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence

import orjson

from app.backends.documents import in_scan_order, merged, prefix_end, scanned
from app.ports import COLLECTIONS, Doc, Name

# What SQLite promises since 3.32, whatever it was compiled with.
MAX_PARAMETERS = 32_766
_COLUMNS = ("id", "version", "tokens", "numbers", "body")
_SEPARATOR = "CAST(X'FF' AS TEXT)"


def create(connection: sqlite3.Connection) -> None:
    """Creates the tables and indexes that are missing. Raises sqlite3.Error."""
    for name, indexes in COLLECTIONS.items():
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {name} (id TEXT PRIMARY KEY, version INTEGER NOT NULL,"
            " tokens TEXT NOT NULL, numbers TEXT NOT NULL, body TEXT NOT NULL)"
        )
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {name}_tokens (token TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (token, id)) WITHOUT ROWID"
        )
        for index, fields in indexes.items():
            numbers = [_number(field) for field in fields]
            present = " AND ".join(f"{number} IS NOT NULL" for number in numbers)
            connection.execute(f"CREATE INDEX IF NOT EXISTS {name}_{index} ON {name} ({', '.join(numbers)}, id) WHERE {present}")


def _number(field: str) -> str:
    """The expression of a number; an index is used where its text is the same."""
    return f"json_extract(numbers, '$.{field}')"


def _slices(items: Sequence[str], size: int = MAX_PARAMETERS) -> Iterator[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _marks(count: int) -> str:
    return ", ".join(["?"] * count)


class Table:
    """One collection as SQL. Every method raises sqlite3.Error."""

    def __init__(self, name: Name) -> None:
        self.name: Name = name
        self._select = f"SELECT {', '.join(_COLUMNS)} FROM {name} AS d"
        self._select_bare = f"SELECT {', '.join(_COLUMNS[:-1])}, '' AS body FROM {name} AS d"
        self._upsert_end = " ON CONFLICT (id) DO UPDATE SET " + ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS[1:])

    # Reading

    def load(self, connection: sqlite3.Connection, ids: Sequence[str]) -> list[Doc]:
        return [
            doc for part in _slices(ids) for doc in _docs(_packed(connection, f"{self._select} WHERE id IN ({_marks(len(part))})", part))
        ]

    def matching(
        self, connection: sqlite3.Connection, tokens: Sequence[str], every: bool, after: str, limit: int | None, bodies: bool = True
    ) -> list[Doc]:
        where, holding = self._holding_all("t.id", tokens[1:]) if every else ("", ())
        parts: Iterable[Sequence[str]] = [[tokens[0], *holding]] if every else _slices(tokens, MAX_PARAMETERS - 2)
        select = self._select if bodies else self._select_bare
        answers = []
        for part in parts:
            condition = f"t.token = ?{where}" if every or len(part) == 1 else f"t.token IN ({_marks(len(part))})"
            ids = f"SELECT DISTINCT t.id FROM {self.name}_tokens AS t WHERE {condition} AND t.id > ? ORDER BY t.id LIMIT ?"
            values: list[int | str] = [*part, after, -1 if limit is None else limit]
            answers.append(_docs(_packed(connection, f"{select} WHERE id IN ({ids})", values)))
        return merged(answers, limit)

    def scan(
        self,
        connection: sqlite3.Connection,
        index: str,
        equal: Sequence[int],
        bounds: tuple[int | None, int | None],
        limit: int,
        descending: bool,
        every: Sequence[str],
    ) -> list[Doc]:
        fields = scanned(self.name, index, equal)
        last = _number(fields[-1])
        conditions = [f"{_number(field)} = ?" for field in fields[:-1]] + [f"{last} IS NOT NULL"]
        values: list[int | str] = list(equal)
        for bound, comparison in zip(bounds, (">", "<="), strict=True):
            if bound is not None:
                conditions.append(f"{last} {comparison} ?")
                values.append(bound)
        where, holding = self._holding_all("d.id", every)
        order = "DESC" if descending else "ASC"
        sql = f"{self._select} WHERE {' AND '.join(conditions)}{where} ORDER BY {last} {order}, id {order} LIMIT ?"
        return in_scan_order(_docs(_packed(connection, sql, [*values, *holding, limit])), fields[-1], descending=descending)

    def page(self, connection: sqlite3.Connection, after: str, limit: int, prefix: str) -> list[Doc]:
        end = prefix_end(prefix)
        until = "" if end is None else " AND id < ?"
        values = [after, prefix] if end is None else [after, prefix, end]
        sql = f"{self._select} WHERE id > ? AND id >= ?{until} ORDER BY id LIMIT ?"
        return _by_id(_docs(_packed(connection, sql, [*values, limit])))

    def count(self, connection: sqlite3.Connection, tokens: Sequence[str], at_most: int) -> int:
        if tokens:
            where, holding = self._holding_all("t.id", tokens[1:])
            rows = f"SELECT 1 FROM {self.name}_tokens AS t WHERE t.token = ?{where}"
            values: list[str] = [tokens[0], *holding]
        else:
            rows, values = f"SELECT 1 FROM {self.name}", []
        (count,) = connection.execute(f"SELECT count(*) FROM ({rows} LIMIT ?)", [*values, at_most]).fetchone()
        return int(count)

    def _holding_all(self, document_id: str, tokens: Sequence[str]) -> tuple[str, Sequence[str]]:
        one = f" AND EXISTS (SELECT 1 FROM {self.name}_tokens AS o WHERE o.token = ? AND o.id = {document_id})"
        return one * len(tokens), tokens

    # Writing, inside the caller's transaction

    def write(self, connection: sqlite3.Connection, docs: Sequence[Doc]) -> frozenset[str]:
        """Writes the documents whose version is the stored one, and returns the ids of the others."""
        stored = self._versions(connection, [doc.id for doc in docs])
        rows: list[str | int] = []
        conflicts, gone, new = [], [], []
        for doc in docs:
            version, tokens_before = stored.get(doc.id, (0, "[]"))
            if version != doc.version:
                conflicts.append(doc.id)
                continue
            tokens_now = orjson.dumps(doc.tokens).decode()
            rows += (doc.id, version + 1, tokens_now, orjson.dumps(dict(doc.numbers)).decode(), doc.body)
            if tokens_now != tokens_before:
                before, now = set(orjson.loads(tokens_before)), set(doc.tokens)
                gone += [text for token in before - now for text in (token, doc.id)]
                new += [text for token in now - before for text in (token, doc.id)]
        self._each(connection, f"INSERT INTO {self.name} ({', '.join(_COLUMNS)}) VALUES ", rows, len(_COLUMNS), self._upsert_end)
        # Through a named table: `IN (VALUES …)` on its own reads the whole table instead of its index.
        found = f") DELETE FROM {self.name}_tokens WHERE (token, id) IN (SELECT token, id FROM gone)"
        self._each(connection, "WITH gone (token, id) AS (VALUES ", gone, 2, found)
        self._each(connection, f"INSERT INTO {self.name}_tokens (token, id) VALUES ", new, 2, "")
        return frozenset(conflicts)

    def _versions(self, connection: sqlite3.Connection, ids: Sequence[str]) -> dict[str, tuple[int, str]]:
        columns = _COLUMNS[:3]
        found: dict[str, tuple[int, str]] = {}
        for part in _slices(ids):
            rows = f"SELECT {', '.join(columns)} FROM {self.name} WHERE id IN ({_marks(len(part))})"
            each = iter(_packed(connection, rows, part, columns))
            found.update((key.decode(), (int(version), tokens.decode())) for key, version, tokens in zip(each, each, each, strict=True))
        return found

    def _each(self, connection: sqlite3.Connection, begin: str, values: Sequence[str | int], width: int, end: str) -> None:
        row = f"({_marks(width)})"
        step = MAX_PARAMETERS // width * width
        for start in range(0, len(values), step):
            part = values[start : start + step]
            connection.execute(begin + ", ".join([row] * (len(part) // width)) + end, part)


def _packed(connection: sqlite3.Connection, rows: str, values: Sequence[str | int], columns: Sequence[str] = _COLUMNS) -> list[bytes]:
    """The columns of all rows, one after the other, in no particular order."""
    row = f" || {_SEPARATOR} || ".join(columns)
    try:
        (value,) = connection.execute(f"SELECT CAST(group_concat({row}, {_SEPARATOR}) AS BLOB) FROM ({rows})", values).fetchone()
    except sqlite3.DataError:
        # More than SQLite packs into one value (1 GB unless compiled otherwise): row by row then, slower and without that limit.
        return [str(column).encode() for row in connection.execute(rows, values) for column in row]
    return value.split(b"\xff") if value else []


def _docs(columns: Collection[bytes]) -> Iterator[Doc]:
    each = iter(columns)
    for key, version, tokens, numbers, body in zip(each, each, each, each, each, strict=True):
        yield Doc(key.decode(), body.decode(), int(version), tuple(orjson.loads(tokens)), orjson.loads(numbers))


def _by_id(docs: Iterator[Doc]) -> list[Doc]:
    return sorted(docs, key=lambda doc: doc.id)
