"""The command line: ``jetfit``, or ``python -m jetfit``."""

import signal
import sys

from ._jetfit import command_line


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    # The command line hears signals itself.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(command_line(["jetfit", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
