"""What most tests load, loaded: `tests.together` has every run begin as a copy of one process that has done so. Nothing
else imports it.

Of tests themselves nothing: pytest rewrites their assertions when it loads them.
"""

from __future__ import annotations

import atexit
import gc
from importlib import import_module
from pkgutil import walk_packages

import gateway
import web

OF_OTHERS = ("anthropic", "google.genai", "openai", "playwright.sync_api", "psycopg")
"""The official SDKs take two seconds of a core."""

for package in (gateway, web):
    for found in walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.endswith(".__main__"):
            import_module(found.name)
for name in OF_OTHERS:
    import_module(name)

gc.collect()
gc.freeze()
atexit.register(gc.unfreeze)  # DuckDB complains of what is left of it at the end
