"""Runs all tests in two halves side by side: those that share real engines, and all others.

Owns: starting both halves, one output after the other, the exit code. Does not own: which tests need engines (tests/conftest.py).
Next stop: tests/README.md. `python -m tests [options of pytest]`; `make test` calls it.
"""

import subprocess
import sys
import tempfile
import time

SHARED = ("--engines", "-m", "engines and not own_engines")
OTHERS = ("--engines", "-m", "not engines or own_engines")
NO_TESTS = 5  # what pytest returns where options select nothing


def main(options: list[str]) -> int:
    """The exit code: 0 where both halves passed (one of them may have nothing to run)."""
    pytest = [sys.executable, "-m", "pytest", *options]
    began_s = time.monotonic()
    with tempfile.TemporaryFile() as kept:
        # The second half's output is kept until the first has ended, so that lines of the two do not mix.
        second = subprocess.Popen([*pytest, *OTHERS], stdout=kept, stderr=subprocess.STDOUT)
        try:
            print("tests that share real engines (all other tests run beside them):", flush=True)
            first_code = subprocess.call([*pytest, *SHARED])
            second_code = second.wait()
        finally:
            second.kill()
        kept.seek(0)
        print("\nall other tests:", flush=True)
        sys.stdout.buffer.write(kept.read())
    codes = {first_code, second_code}
    words = "passed" if codes <= {0, NO_TESTS} and codes != {NO_TESTS} else "FAILED"
    print(f"\nboth halves {words} in {time.monotonic() - began_s:.0f} s")
    return max(code if code != NO_TESTS else 0 for code in codes) if codes != {NO_TESTS} else NO_TESTS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
