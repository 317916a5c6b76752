"""Apache Kafka as one KRaft node: broker and controller in one Java process.

Owns: the broker's settings, formatting its storage, and the question that shows it serves.
Does not own: fetching the jars (`jars.py`), the process's life cycle (`node.py`), topics (`schemas/topics.yaml`).
Next stop: `deploy/engines/jars.py`.
"""

from __future__ import annotations

import asyncio
import base64
import re
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.engines.jars import fetch_jars, java, missing
from deploy.engines.node import Node
from deploy.engines.process import EngineFailed, EnginesMissing

FORMAT_TIMEOUT_S = 120
ASK_TIMEOUT_S = 5.0

_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
# A topic nobody declared is a mistake that must show.
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# A killed broker is let in again only when its old session has ended: seconds that every restart would wait (9 by default).
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# The cleaner takes 128 MB of the heap by default.
log.cleaner.dedupe.buffer.size=16777216
"""

_LOGGING = """\
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %c{1}: %m%n
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
# Hundreds of lines of settings at every start.
logger.config.name=org.apache.kafka.common.config.AbstractConfig
logger.config.level=warn
"""


class KafkaNode(Node):
    """One broker; `heap` is Java's -Xmx value."""

    name = "kafka"
    port_count = 2
    complaint = re.compile(r" (ERROR|FATAL) |^Error|^Caused by|Exception: ")

    def __init__(
        self, folder: Path, *, heap: str = "1g", outlive_parent: bool = False, ports: list[int] | None = None, pid: int | None = None
    ) -> None:
        super().__init__(folder, outlive_parent=outlive_parent, ports=ports, pid=pid)
        self._heap = heap

    @property
    def bootstrap(self) -> str:
        """What a client connects to, `host:port`."""
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> list[str]:
        """Settings for the present ports, storage formatted once.

        Failure policy: raises `EnginesMissing` without Java, `EngineFailed` when the storage tool refuses.
        """
        launcher = java()
        if launcher is None:
            raise EnginesMissing("\n".join(missing()))
        settings, logging = self.folder / "server.properties", self.folder / "log4j2.properties"
        settings.write_text(_SETTINGS.format(port=self._ports[0], controller_port=self._ports[1], data=self.folder / "data"))
        logging.write_text(_LOGGING)
        run = [launcher, f"-Xmx{self._heap}", "-Djava.awt.headless=true", f"-Dlog4j2.configurationFile={logging.as_uri()}"]
        run += ["-cp", f"{fetch_jars()}/*"]
        if not (self.folder / "data" / "meta.properties").exists():
            self._format([*run, "kafka.tools.StorageTool", "format", "--config", str(settings), "--cluster-id", self._cluster_id()])
        return [*run, "kafka.Kafka", str(settings)]

    def why_not_ready(self) -> str:
        """Empty once the broker of this folder (another may have its port) is registered, unfenced, and answers a metadata request."""
        # A thread of its own: the caller may be inside a running event loop.
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(asyncio.run, self._ask_metadata()).result()

    async def _ask_metadata(self) -> str:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=int(ASK_TIMEOUT_S * 1000))
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                await admin.start()
                cluster = await admin.describe_cluster()
        except (KafkaError, OSError, TimeoutError) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            await admin.close()
        if cluster["cluster_id"] != self._cluster_id():
            return "another Kafka answers on its port"
        return "" if cluster["brokers"] else "its broker is still fenced"

    def _cluster_id(self) -> str:
        """Kafka's form of a UUID, 22 URL-safe base64 characters, drawn once per folder."""
        file = self.folder / "cluster-id"
        if not file.exists():
            # Kafka refuses ids that begin with a dash, which command lines take for an option.
            file.write_text("B" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:])
        return file.read_text()

    def _format(self, argv: list[str]) -> None:
        try:
            done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=FORMAT_TIMEOUT_S, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired as error:
            raise EngineFailed(f"Kafka's storage tool did not finish within {FORMAT_TIMEOUT_S} s in {self.folder}.") from error
        if done.returncode != 0:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-12:])
            advice = "mend what it says, or remove that folder to begin anew"
            raise EngineFailed(f"Kafka could not format its storage in {self.folder}; {advice}. It said:\n{said}")
