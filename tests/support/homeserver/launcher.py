"""Starts Synapse in this process and ends it when the process that started it is gone.

The starter holds the other end of our standard input and never writes: reading the end of file means that it has ended, however it did.
"""

import os
import signal
import sys
import threading
import time


def end_with_starter() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    os.kill(os.getpid(), signal.SIGKILL)


threading.Thread(target=end_with_starter, daemon=True).start()

from synapse.app.homeserver import main  # noqa: E402 (the watch must run before the slow import)

sys.argv = ["synapse.app.homeserver", *sys.argv[1:]]
main()
