"""Entry point of `python -m engine`."""

import gc
import sys

from engine.cli import main

if __name__ == "__main__":
    gc.disable()  # a short command: collecting while a thousand modules are imported only costs time
    sys.exit(main(sys.argv[1:]))
