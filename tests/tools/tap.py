# The few lines that every Python test here shares: named checks, reported as TAP.
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import sys
import traceback

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def main(namespace):
    """Run every function named test_... in order of definition; the exit status is 0 if all pass."""
    tests = [(n, f) for n, f in namespace.items() if n.startswith("test_")]
    print(f"1..{len(tests)}")
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f"ok {number} - {name[5:]}")
        except Exception:       # a test may fail in any way
            failed += 1
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="")
            print(f"not ok {number} - {name[5:]}")
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
