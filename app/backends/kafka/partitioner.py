"""Which partition a key belongs to: murmur2 as in Kafka's Java client, so that other producers agree.

Owns: the hash. Does not own: partition counts. Next stop: app/backends/kafka/appender.py.

Reference: Utils.murmur2 and BuiltInPartitioner.partitionForKey in apache/kafka.
"""

import struct
from functools import lru_cache

_MULTIPLIER = 0x5BD1E995
_SEED = 0x9747B28C
_WORD = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit hash as an unsigned integer."""
    length = len(data)
    mixed = _SEED ^ length
    for word in struct.unpack_from(f"<{length >> 2}I", data):
        part = word * _MULTIPLIER & _WORD
        mixed = (mixed * _MULTIPLIER & _WORD) ^ ((part ^ part >> 24) * _MULTIPLIER & _WORD)
    rest = data[length & ~3 :]
    if rest:
        mixed = (mixed ^ int.from_bytes(rest, "little")) * _MULTIPLIER & _WORD
    mixed = (mixed ^ mixed >> 13) * _MULTIPLIER & _WORD
    return mixed ^ mixed >> 15


@lru_cache(maxsize=16_384)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key; keys come again and again, hence the cache."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
