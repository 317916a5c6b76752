"""What runs Bindery somewhere: real engines for tests and benchmarks, container files.

Owns: `deploy.engines`, the script that starts Apache Kafka and MongoDB without Docker.
Does not own: the service; nothing in `app`, `consumers` or `schemas` imports this package.
Next stop: `deploy/engines/__init__.py`.
"""
