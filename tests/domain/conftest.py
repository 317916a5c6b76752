"""How long the property tests of the domain look for a counter-example.

Owns: the profile `soak`. Does not own: the default profile (tests/conftest.py). Next stop: tests/domain/test_histories.py.

`pytest tests/domain --hypothesis-profile=soak` tries 50 times as many examples.
"""

from hypothesis import settings

settings.register_profile("soak", settings.get_profile("bindery"), max_examples=5_000)
