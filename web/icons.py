"""The pictures of the rail and of buttons: paths of 16 by 16, drawn as lines in the colour of the text."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ICONS: Mapping[str, str] = MappingProxyType(
    {
        "overview": "M2 9.5h3l2-6 3 9 2-5h2",
        "live": "M8 8h.01M5.2 10.8a4 4 0 0 1 0-5.6M10.8 5.2a4 4 0 0 1 0 5.6M3 13A7 7 0 0 1 3 3M13 3a7 7 0 0 1 0 10",
        "requests": "M2.5 4h11M2.5 8h11M2.5 12h7",
        "spend": (
            "M8 2v12M11 4.6C10.5 3.7 9.4 3.2 8 3.2"
            "c-1.7 0-3 .9-3 2.3 0 3.2 6.2 1.7 6.2 4.9 0 1.5-1.4 2.4-3.2 2.4-1.6 0-2.8-.7-3.3-1.8"
        ),
        "latency": "M8 4.5V8l2.2 2M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12z",
        "providers": "M3 3.5h10v3.5H3zM3 9h10v3.5H3zM5 5.25h.01M5 10.75h.01",
        "models": "M8 2l5.5 3v6L8 14l-5.5-3V5zM2.5 5L8 8l5.5-3M8 8v6",
        "keys": "M9.5 6.5a3 3 0 1 1-1 2.2L2.5 14v-2.5h2V9.5h2z",
        "people": (
            "M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M11 7.3"
            "a2.2 2.2 0 1 0-.5-4.3M12 9.7c1.6.5 2.5 1.9 2.5 3.8"
        ),
        "playground": "M2.5 3.5h11v7h-6l-3 2.5v-2.5h-2zM5 6.2h6M5 8.2h4",
        "sql": (
            "M13 4c0 1.1-2.2 2-5 2s-5-.9-5-2 2.2-2 5-2 5 .9 5 2zM3 4v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8"
            "c0 1.1 2.2 2 5 2s5-.9 5-2"
        ),
        "configuration": "M2.5 4.5h6M11.5 4.5h2M10 3v3M2.5 11.5h2M7.5 11.5h6M6 10v3",
        "alerts": "M8 2.2a4 4 0 0 0-4 4c0 4-1.5 5-1.5 5h11S12 10.2 12 6.2a4 4 0 0 0-4-4zM6.7 13.5c.5.7 2.1.7 2.6 0",
        "audit": "M4 2.5h6l2.5 2.5v8.5H4zM6 7h4.5M6 9.5h4.5M6 5h2",
        "system": "M3 3.5h10v7H3zM6 13.5h4M8 10.5v3M5.2 7h1.5l1-1.7 1.3 3 .9-1.3h1",
        "account": "M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 0 0 8 8zM2.8 13.8c0-2.7 2.3-4.3 5.2-4.3s5.2 1.6 5.2 4.3",
        "theme": "M8 2.5v11a5.5 5.5 0 0 0 0-11zM8 13.5a5.5 5.5 0 0 1 0-11",
        "menu": "M2.5 4h11M2.5 8h11M2.5 12h11",
        "close": "M4.5 4.5l7 7M11.5 4.5l-7 7",
        "pause": "M5.5 3.5v9M10.5 3.5v9",
        "play": "M5 3.5l7 4.5-7 4.5z",
        "copy": "M5.5 5.5h7v8h-7zM3.5 10.5v-8h7",
        "download": "M8 2.5v7.5M5 7.2l3 3 3-3M3 13.5h10",
        "help": "M6 6.2a2 2 0 1 1 2.7 1.9c-.5.2-.7.6-.7 1.2M8 11.5h.01M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12z",
    }
)
"""By name."""
