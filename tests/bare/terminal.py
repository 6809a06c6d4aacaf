#!/usr/bin/python3
"""A person at a terminal: `terminal.py LINE [SEEN TYPED]...` runs a shell's LINE; once SEEN is there, types TYPED.

SEEN is a regular expression. What is typed before a program's prompt is there is echoed, and may be lost: it reads its
terminal differently while it waits for a line.

Prints what the terminal shows. The exit code is the line's own, or 1 when something is not seen, or no end in time.
"""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

SECONDS = 60.0


def main(line: str, *script: str) -> int:
    """Run `line`; `script` holds pairs, and may end with what must be seen and is not answered."""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        os.execvp("sh", ["sh", "-c", line])  # noqa: S606 - a line to paste is for a shell
    todo = list(script)
    unread = ""
    deadline = time.monotonic() + SECONDS
    while select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        unread += read.decode(errors="replace")
        sys.stdout.write(read.decode(errors="replace"))
        while todo and (seen := re.search(todo[0], unread, re.DOTALL)):
            unread = unread[seen.end() :]
            del todo[0]
            if todo:
                os.write(terminal, todo.pop(0).encode() + b"\r")
    else:
        sys.stdout.write(f"\nnot ended after {SECONDS:.0f} s\n")
        return 1
    if todo:
        sys.stdout.write(f"\nnot seen: {todo[0]}\n")
        return 1
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
