"""Bindery: binds digital assets to products.

The stops of one event, in the order of the README and of tests/functional/test_life_of_one_event.py:
a signed request -> its source file (app/sources/) -> app/api/webhooks.py -> app/ports.py (EventLog) -> consumers/runner.py ->
consumers/projector.py -> app/domain/facets.py -> consumers/binder.py -> app/domain/bind.py -> the store -> app/api/skus.py;
and when it goes wrong: the letter (consumers/letters.py) and its replay (consumers/replayer.py).
"""

__version__ = "0.1.0"
