"""The engines behind app/ports.py: sqlite (embedded), kafka and mongo (production).

Owns: every call of a driver. Does not own: which one is used (app/bootstrap.py). Next stop: app/ports.py for what they promise.
"""
