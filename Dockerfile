# One image for every role: `bindery run` (all in one), `api`, `consume NAME…`, `topics apply`.
#
# The base is pinned by tag, not by digest: the digest could not be looked up where this file was written.
# Whoever builds for production replaces the tag by the digest that their registry shows, in both stages.

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/bindery
ENV PATH="/opt/bindery/bin:$PATH"
WORKDIR /src
# The dependencies come first: they change less often than the code, and this layer is then reused.
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml ./
COPY app ./app
COPY consumers ./consumers
COPY schemas ./schemas
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && pip check

FROM python:3.12-slim
RUN groupadd --system --gid 10001 bindery \
 && useradd --system --uid 10001 --gid bindery --home-dir /var/lib/bindery --create-home --shell /usr/sbin/nologin bindery
COPY --from=build /opt/bindery /opt/bindery
ENV PATH="/opt/bindery/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BINDERY_CONFIG=/etc/bindery/bindery.yaml \
    BINDERY_DATA_DIR=/var/lib/bindery \
    BINDERY_HOST=0.0.0.0 \
    BINDERY_PORT=8000 \
    BINDERY_HEALTH_PORT=8000 \
    BINDERY_LOG_FORMAT=json
# Inside a container 0.0.0.0 is the container's own network; what is reachable from outside is decided by published ports.
# Consumers answer /health and /metrics on the same port as the API, so that one health check fits every role.
# By number, so that Kubernetes' runAsNonRoot can see that it is not root.
USER 10001:10001
WORKDIR /var/lib/bindery
VOLUME /var/lib/bindery
EXPOSE 8000
STOPSIGNAL SIGTERM
# Liveness only: a container is not replaced because Kafka or MongoDB is away.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["bindery"]
CMD ["run"]
