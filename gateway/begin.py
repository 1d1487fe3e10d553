"""How a process of the gateway begins: `python -m gateway.begin gateway.worker`.

While modules are loaded everything that is made stays, and the collector would look through all of it again and again,
for a seventh of the start. It begins its work when the process begins its own (`child`).
"""

from __future__ import annotations

import gc
import runpy
import sys

if __name__ == "__main__":
    gc.disable()
    runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
