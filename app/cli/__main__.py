"""`python -m app.cli` is `bindery`.

Owns: nothing. Does not own: the commands. Next stop: app/cli/__init__.py.
"""

from app.cli import main

if __name__ == "__main__":
    main()
