"""The HTTP doors: webhooks in, bindings and operations out.

Owns: paths, statuses, problems, access, the OpenAPI. Does not own: the rules (app/domain/), the engines (app/ports.py), the consumers
(their functions come in through app/api/deps.py). Next stop: app/api/webhooks.py for what comes in, app/api/skus.py for what goes out.
"""
