"""Settings of one process, from the environment (prefix BINDERY_) and the command line; every default is the embedded mode.

Owns: names, types, defaults, checks across settings. Does not own: sources and binding rules (bindery.yaml, app/configuration.py).
Next stop: app/bootstrap.py.
"""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One process. Both engines are set, or neither: half a cluster is refused at start."""

    model_config = SettingsConfigDict(env_prefix="BINDERY_", extra="ignore", frozen=True)

    config: Path = Field(Path("bindery.yaml"), description="Path of bindery.yaml.")
    data_dir: Path = Field(Path(".data"), description="Directory of the embedded engines and the generated token.")
    host: str = Field("127.0.0.1", description="Address of the HTTP listener.")
    port: int = Field(8000, ge=0, le=65535, description="Port of the HTTP listener; 0 takes a free one.")
    kafka_bootstrap_servers: str = Field("", description="Apache Kafka, host:port[,host:port]; empty: the embedded log.")
    kafka_security_protocol: str = Field("PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.")
    kafka_sasl_mechanism: str = Field("", description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, where the protocol is a SASL one.")
    kafka_username: str = Field("", description="SASL user name.")
    kafka_password_file: Path | None = Field(None, description="File with the SASL password.")
    kafka_session_timeout_s: float = Field(30.0, description="A consumer silent for this long loses its partitions.")
    kafka_namespace: str = Field("", description="Prefix of topics, groups and transactional ids.")
    mongodb_uri: str = Field("", description="MongoDB replica set; empty: the embedded store. Concerns in the URI are overridden.")
    mongodb_database: str = Field("bindery", description="Database name.")
    tokens_file: Path | None = Field(
        None,
        description="Access tokens, one a line: `<role>[,<role>] <name> <token>` (reader, catalogue, ops). None: one is generated.",
    )
    reads_need_token: bool = Field(default=False, description="Whether the read API asks for a token with the role reader.")
    projector_batch: int = Field(1000, ge=1, le=10_000, description="Events per batch of the projector.")
    binder_batch: int = Field(
        20_000,
        ge=1,
        le=100_000,
        description="Bind requests per batch of the binder, at most; a SKU is decided once a batch, so a backlog shrinks.",
    )
    sweep_page: int = Field(500, ge=1, le=5_000, description="SKUs per page of a sweep, which waits while more than a page is undecided.")
    clock_tick_s: float = Field(0.5, gt=0, description="How often the clock asks what is due.")
    fetch_lease_s: float = Field(
        30.0,
        ge=1,
        le=600,
        description="How long the fetches of a system wait when the process that owned them has died. No call outlives it.",
    )
    fetch_tick_s: float = Field(0.25, gt=0, description="How often an idle owner of a system asks which fetches are due.")
    webhook_deadline_s: float = Field(0.4, gt=0, description="How long a webhook waits for the log before it answers 503.")
    health_port: int = Field(0, description="Port of /health and /metrics for `bindery consume`; 0: none.")
    outbound_private: str = Field(
        "",
        description="Hosts, separated by commas, that may stand for addresses which are not public (a PIM on premise). No others may.",
    )
    log_format: str = Field("console", pattern="^(console|json)$", description="console or json.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least severe level that is printed.")

    @model_validator(mode="after")
    def _both_engines_or_none(self) -> Self:
        if bool(self.kafka_bootstrap_servers) != bool(self.mongodb_uri):
            missing = "BINDERY_MONGODB_URI" if self.kafka_bootstrap_servers else "BINDERY_KAFKA_BOOTSTRAP_SERVERS"
            raise ValueError(f"{missing} is not set: production mode needs Kafka and MongoDB, the embedded mode neither of them")
        return self

    @property
    def embedded(self) -> bool:
        """True where no engine is configured: SQLite files in data_dir, one service."""
        return not self.kafka_bootstrap_servers
