"""What a function of a preset says about an argument that it cannot work on.

Owns: WrongArgument. Does not own: the functions. Next stop: app/sources/functions.py.
"""


class WrongArgument(ValueError):
    """A function was given something that it cannot work on. The message holds types, no values."""
