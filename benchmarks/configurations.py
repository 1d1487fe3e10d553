"""The configuration files of the peers, as text."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.stage import MODEL, UPSTREAM_KEY, Stage

CLIENT_KEY = "sk-client-0123456789abcdef"
PROVIDER = "mock"
ALIAS = "fast"

_NGINX = """\
daemon off;
{user}worker_processes {workers};
worker_rlimit_nofile 16384;
pid {directory}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_max_body_size 64m;
    client_body_buffer_size 2m;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000000;
    upstream mock {{
        server {upstream};
        keepalive 2048;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Authorization "Bearer {key}";
            proxy_buffering off;
        }}
    }}
}}
"""

_GATEWAY = """\
[server]
listen = "127.0.0.1:{port}"
workers = {workers}
drain_seconds = 1.0
access_log = true

[[client_keys]]
name = "bench"
key = "{client_key}"
models = ["{provider}/*", "{alias}"]
{limits}
[[providers]]
id = "{provider}"
format = "openai_chat"
base_url = "http://{upstream}/v1"
models = ["*"]
strategy = "round_robin"

[[providers.credentials]]
name = "first"
api_key = "{key}"

[[providers.credentials]]
name = "second"
api_key = "{key}"

[[aliases]]
name = "{alias}"
target = "{provider}/{model}"
{policies}"""

_LIMITS = """\
requests_per_minute = 100000000
tokens_per_minute = 1000000000000
max_parallel = 100000
requests_per_month = 1000000000000
tokens_per_month = 1000000000000000
budget_usd = 1000000000.0
budget_period = "month"
"""

_OTHER_KEYS = 100
_OTHER_KEY = """
[[client_keys]]
name = "other-{number}"
key = "sk-other-{number:016d}"
models = ["{provider}/*"]
"""
_POLICIES = """
[[prices]]
model = "{provider}/*"
input = 1.0
output = 5.0

[[combos]]
name = "best"
targets = ["{provider}/gpt-4o", "{provider}/{model}"]
strategy = "fallback"
"""


def nginx(stage: Stage, port: int, directory: Path) -> str:
    """nginx in front of the stage's mock."""
    return _NGINX.format(
        user="user root;\n" if os.geteuid() == 0 else "",
        workers=stage.workers,
        directory=directory,
        upstream=stage.upstream,
        port=port,
        key=UPSTREAM_KEY,
    )


def gateway(stage: Stage, port: int, *, policies: bool = False) -> str:
    """The gateway in front of the stage's mock: a checked key, an allow list, two credentials, an alias.

    With `policies` it also has every limit, prices, combos, and a hundred more keys with limits of their own.
    """
    return _GATEWAY.format(
        port=port,
        workers=stage.workers,
        client_key=CLIENT_KEY,
        provider=PROVIDER,
        upstream=stage.upstream,
        key=UPSTREAM_KEY,
        alias=ALIAS,
        model=MODEL,
        limits=_LIMITS if policies else "",
        policies=_policies() if policies else "",
    )


def _policies() -> str:
    keys = (_OTHER_KEY.format(number=number, provider=PROVIDER) + _LIMITS for number in range(_OTHER_KEYS))
    return _POLICIES.format(provider=PROVIDER, model=MODEL) + "".join(keys)
