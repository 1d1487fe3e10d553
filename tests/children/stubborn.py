"""A child that lets go of its leash and does not exit."""

from __future__ import annotations

import os
import signal
import time

from gateway.leash import LEASH_VARIABLE

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.close(int(os.environ[LEASH_VARIABLE]))
    time.sleep(60)
