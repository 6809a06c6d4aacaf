"""How the program ends when the engine interrupts it."""

import signal


def end_quietly_when_interrupted() -> None:
    """End at SIGINT without a traceback.

    When a resource fails, Pulumi interrupts the program, and Python would print tracebacks of
    KeyboardInterrupt after the one line that says what is wrong. A handler of the embedded
    engine's own, in whose process the program runs, is left as it is.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
