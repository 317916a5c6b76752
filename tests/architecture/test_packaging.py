"""The wheel holds all the product and nothing else; image, locks and compose file keep their promises.

Owns: what is shipped. Does not own: linting those files (`make lint`). Next stop: tests/README.md.
"""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings
from tests.architecture.tree import PRODUCT, ROOT, files

LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.mark.timeout(120)
def test_the_wheel_holds_every_file_of_the_product_and_nothing_else(tmp_path: Path) -> None:
    """Modules, presets and schemas are all in the wheel; tests and tools are not."""
    shipped = {path for path in files() if path.split("/", 1)[0] in PRODUCT and path.endswith((".py", ".yaml", ".json", "py.typed"))}
    for path in {*shipped, "pyproject.toml"}:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", "out", "."]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "out").glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == shipped


def unpinned(lock: str) -> list[str]:
    """Requirements of a lock that lack an exact version or a hash, and lines that say where packages come from."""
    entries = re.sub(r"\\\n\s*", " ", lock).splitlines()
    return [line for line in entries if line.strip() and not line.startswith("#") and not re.match(r"[\w.-]+==\S+ .*--hash=sha256:", line)]


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_are_pinned_by_hash_and_name_no_address(lock: str) -> None:
    """Every line of a lock is an exact version with hashes; addresses and paths are none of its business."""
    assert unpinned((ROOT / lock).read_text()) == []


def test_the_dev_lock_holds_the_runtime_lock() -> None:
    """Tests run against the versions that are shipped."""
    runtime, dev = (set(re.findall(r"^([\w.-]+==\S+)", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS)
    assert runtime < dev


@pytest.mark.parametrize("line", ["--index-url https://example.com", "fastapi>=1", "fastapi==1.0", "-e .", "x @ file:///x"])
def test_a_loose_line_in_a_lock_is_noticed(line: str) -> None:
    """The lock check reports what is neither pinned nor hashed."""
    assert unpinned(f"# fine\nok==1 \\\n    --hash=sha256:00\n{line}\n") == [line]


def services() -> dict[str, dict[str, Any]]:
    """The services of the compose file, with anchors and merges resolved."""
    loaded: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    return loaded


def test_every_consumer_has_a_service() -> None:
    """No consumer that the service knows is left out of the compose file, and none is named that it does not know."""
    from app.bootstrap import ROLES

    commands = [service["command"] for service in services().values() if service["image"].startswith("bindery:")]
    assert sorted(name for command in commands if command[0] == "consume" for name in command[1:]) == sorted(ROLES)


def unknown_settings(text: str) -> set[str]:
    """Environment variables of Bindery that a text names and no setting reads."""
    return {name for name in re.findall(r"\bBINDERY_([A-Z_]+)", text) if name.lower() not in Settings.model_fields}


@pytest.mark.parametrize("path", ["Dockerfile", "deploy/compose.yaml", "Makefile"])
def test_only_settings_that_exist_are_set(path: str) -> None:
    """A setting that is renamed cannot stay behind in the image or the compose file."""
    assert unknown_settings((ROOT / path).read_text()) == set()
    assert unknown_settings("BINDERY_PORT=1 BINDERY_GONE=2") == {"GONE"}


def test_every_role_is_a_service_of_one_image() -> None:
    """API and consumers are separate services that share one image, restart by themselves and wait for the topics."""
    roles = {name: service for name, service in services().items() if service["image"].startswith("bindery:")}
    assert {"topics", "api"} < set(roles)
    assert len({service["image"] for service in roles.values()}) == 1
    for name, service in roles.items():
        assert service["restart"] != "no"
        assert service["depends_on"].keys() == ({"kafka"} if name == "topics" else {"topics", "mongo"})


def test_engines_are_waited_for_and_keep_their_data() -> None:
    """Kafka and MongoDB have a health check and a volume, and topics are never created by accident."""
    engines = {name: services()[name] for name in ("kafka", "mongo")}
    assert all(service["healthcheck"]["test"] and service["volumes"] for service in engines.values())
    assert engines["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_the_image_runs_as_a_user_that_it_creates() -> None:
    """The last stage creates the user it switches to, by number, before the entry point."""
    last_stage = (ROOT / "Dockerfile").read_text().rsplit("\nFROM ", 1)[1]
    created, used = re.search(r"--uid (\d+)", last_stage), re.search(r"^USER (\d+)", last_stage, re.MULTILINE)
    assert created
    assert used
    assert created.group(1) == used.group(1) != "0"
    assert used.start() < last_stage.index("ENTRYPOINT")
