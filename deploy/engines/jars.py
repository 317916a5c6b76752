"""Kafka's jars: fetched once by Maven into the user's cache.

Owns: the cache folder, its lock, and the checks for Java and Maven.
Does not own: which jars (`deploy/engines-pom.xml`) or how the broker runs (`kafka.py`).
Next stop: `deploy/engines/mongo.py`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from deploy.engines.process import EnginesError, EnginesMissing

POM = Path(__file__).resolve().parents[1] / "engines-pom.xml"
JAVA_AT_LEAST = 17  # Kafka 4 brokers need it: https://kafka.apache.org/41/documentation.html#java
MAVEN_TIMEOUT_S = 900
_INSTALL_JAVA = "install it (Debian, Ubuntu: apt-get install openjdk-17-jre-headless) or point JAVA_HOME at one"


def java() -> str | None:
    """The absolute path of the Java launcher: the one of JAVA_HOME, else the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    return (shutil.which("java", path=f"{home}/bin") if home else None) or shutil.which("java")


def cached_jars() -> Path:
    """Where this pom's jars live: `${XDG_CACHE_HOME:-~/.cache}/bindery/kafka-<version>-<hash of the pom>`; it exists only when complete."""
    pom = POM.read_bytes()
    version = ElementTree.fromstring(pom).findtext(".//{*}kafka.version")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "bindery" / f"kafka-{version}-{hashlib.sha256(pom).hexdigest()[:8]}"


def missing() -> list[str]:
    """What Kafka needs and this machine does not have, one sentence each. Maven counts only while the jars are not cached."""
    absent = []
    launcher = java()
    if launcher is None:
        absent.append(f"Kafka needs Java {JAVA_AT_LEAST} or newer and no 'java' was found: {_INSTALL_JAVA}.")
    elif (found := _java_version(launcher)) is None or found < JAVA_AT_LEAST:
        absent.append(f"Kafka needs Java {JAVA_AT_LEAST} or newer and {launcher} is {found or 'not a working Java'}: {_INSTALL_JAVA}.")
    if not cached_jars().is_dir() and shutil.which("mvn") is None:
        absent.append("Kafka's jars are not cached yet and no 'mvn' was found to fetch them: install Maven (apt-get install maven).")
    return absent


def fetch_jars() -> Path:
    """The folder of Kafka's jars, fetched first where needed (tens of megabytes, once per user and pom).

    Failure policy: atomic (a temporary folder is renamed when complete) and guarded by a file lock, so that an interrupted or a
    concurrent fetch never shows half a folder. Raises `EnginesMissing` without Maven, `EnginesError` with Maven's own words.
    """
    jars = cached_jars()
    if jars.is_dir():
        return jars
    jars.parent.mkdir(parents=True, exist_ok=True)
    with (jars.parent / f"{jars.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.is_dir():
            with tempfile.TemporaryDirectory(prefix=f"{jars.name}.part-", dir=jars.parent) as scratch:
                _run_maven(Path(scratch))
                (Path(scratch) / "jars").rename(jars)
    return jars


def _run_maven(scratch: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise EnginesMissing("\n".join(missing()))
    # Maven works beside a copy of the pom, so that it never writes into the source tree.
    shutil.copy(POM, scratch / "pom.xml")
    argv = [maven, "--batch-mode", "--quiet", "--file", str(scratch / "pom.xml"), "dependency:copy-dependencies"]
    argv += [f"-DoutputDirectory={scratch / 'jars'}", "-DincludeScope=runtime", "-Dstyle.color=never"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=MAVEN_TIMEOUT_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        message = f"Maven did not finish fetching Kafka's jars within {MAVEN_TIMEOUT_S} s; check the network and try again."
        raise EnginesError(message) from error
    if done.returncode != 0 or not any((scratch / "jars").glob("kafka_*.jar")):
        said = "\n".join((done.stdout + done.stderr).splitlines()[-12:])
        raise EnginesError(f"Maven could not fetch Kafka's jars; check the network and Maven's settings, then try again. It said:\n{said}")


def _java_version(launcher: str) -> int | None:
    said = subprocess.run([launcher, "-version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found.group(1)) if found else None
