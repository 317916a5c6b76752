"""The rules, as functions from values to values: no await, no clock, no random, no I/O, no logging.

Owns: order, facets and their merge, keys, rights, binding, failures, letters' states.
Does not own: where values come from and go to (app/ports.py, consumers/). Next stop: app/domain/facets.py.
"""
