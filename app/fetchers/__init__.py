"""Vendors' APIs, read: one module per vendor, over the Outbound port only.

Owns: which calls are made, within which limits, and what their answers mean. Does not own: connections (app/outbound/client.py), when to
fetch (consumers/fetching.py), what a state means (app/sources/presets/). Next stop: build.py, then akeneo.py.
"""
