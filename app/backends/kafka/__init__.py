"""The production log: Apache Kafka through aiokafka.

Owns: every call of aiokafka. Does not own: the promises (app/ports.py), topic settings (schemas/topics.yaml).
Next stop: app/backends/kafka/log.py.
"""
