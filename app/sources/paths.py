"""The path of a request, below the address of its source.

Owns: segments_below(). Does not own: routing (app/api/webhooks.py), what the segments mean (events.py, verifiers/static_token.py).
Next stop: app/sources/events.py.
"""


def segments_below(path: str) -> list[str]:
    """The segments below /webhooks/{source}, as they are written, without the query.

    A request that was recorded at another address (`/hooks/canto/delete-asset`) names its source in the second segment as well.
    """
    plain = path.partition("?")[0]
    _, found, behind = plain.partition("/webhooks/")
    return (behind if found else plain.strip("/").partition("/")[2]).split("/")[1:]
