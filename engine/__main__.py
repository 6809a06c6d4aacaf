"""Entry point of `python -m engine`."""

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from engine.cli import main


def run(words: Sequence[str]) -> NoReturn:
    """Runs one command, and ends the process."""
    gc.disable()  # a short command: collecting while a thousand modules are imported only costs time
    code = main(words)
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)  # to take all of it down piece by piece takes a tenth of a second


if __name__ == "__main__":
    run(sys.argv[1:])
