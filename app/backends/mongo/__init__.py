"""MongoDB: the store of production. The only package that calls its driver.

Owns: every call of motor and PyMongo, and what their errors mean. Only what motor and PyMongo's own asynchronous client share is used
outside connection.py, so that leaving motor (deprecated since May 2025) is one file.
Does not own: the promises (app/ports.py), a mongod (deploy/). Next stop: app/backends/mongo/store.py.

    store.py        MongoStore: start, ping, causal
    documents.py    one collection: the reads
    saving.py       one collection: save(), the one write
    connection.py   the client, what is pinned whatever the URI says
    errors.py       the driver's errors as ours
"""
