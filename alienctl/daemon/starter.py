"""A program that starts the daemon of a profile and ends: `python -m alienctl.daemon.starter PROFILE`.

The Python API runs it, so that a daemon never is the child of a user's process, which would have to wait for its end.
It prints the reason of a failure on stderr; its exit code is that of the error.
"""

import os
import sys

from alienctl import ClientError
from alienctl.daemon.start import start
from alienctl.invocation import Invocation


def main(profile: str) -> int:
    """Start the daemon unless it runs; return the exit code."""
    try:
        start(Invocation([f"--profile={profile}"], os.environb))
    except ClientError as error:
        os.write(2, f"{error}\n".encode("utf-8", "replace"))
        return error.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
