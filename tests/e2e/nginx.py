"""A real nginx in front of a gateway: the shipped `deploy/nginx.conf` with only its ports and paths changed."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
from pathlib import Path

import trustme

from tests.source import ROOT
from tests.waiting import until

SHIPPED = ROOT / "deploy" / "nginx.conf"

STOCK = """\
server {{
    listen 127.0.0.1:{plain};
    location / {{ proxy_pass http://127.0.0.1:{upstream}; }}
}}
"""

MAIN = """\
daemon off;
{user}
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log info;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path       {directory}/proxy;
    fastcgi_temp_path     {directory}/fastcgi;
    uwsgi_temp_path       {directory}/uwsgi;
    scgi_temp_path        {directory}/scgi;
    include {directory}/sluicegate.conf;
}}
"""


class Nginx:
    """A running nginx; `url` is its TLS address. A `stock` one has no more than a `proxy_pass`, and no TLS."""

    def __init__(self, directory: Path, upstream_port: int, *, stock: bool = False) -> None:
        self.directory = directory
        self.plain_port, self.port = free_ports(2)
        self.url = f"https://localhost:{self.port}"
        self._authority = certify(directory)
        write_configuration(directory, plain=self.plain_port, tls=self.port, upstream=upstream_port)
        if stock:
            text = STOCK.format(plain=self.plain_port, upstream=upstream_port)
            (directory / "sluicegate.conf").write_text(text, encoding="utf-8")
        self._process = subprocess.Popen([*command(directory)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._listens)

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client needs to believe it; a fresh one, for clients write into theirs."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context

    def close(self) -> None:
        """End it as its user would."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        finally:
            self._process.kill()

    def errors(self) -> list[str]:
        """What it complained about."""
        log = (self.directory / "error.log").read_text(encoding="utf-8")
        return [line for line in log.splitlines() if re.search(r"\[(?:warn|error|crit|alert|emerg)\]", line)]

    def _listens(self) -> bool:
        assert self._process.poll() is None, (self.directory / "error.log").read_text(encoding="utf-8")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.plain_port)) == 0


def command(directory: Path) -> tuple[str, ...]:
    """How nginx is called with the configuration in this directory."""
    return "nginx", "-p", str(directory), "-e", str(directory / "error.log"), "-c", str(directory / "nginx.conf")


def write_configuration(directory: Path, *, plain: int, tls: int, upstream: int) -> None:
    """The shipped file and the few lines around it that make it a whole configuration."""
    text = SHIPPED.read_text(encoding="utf-8")
    text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)
    for shipped, ours in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ", f"listen 127.0.0.1:{tls} "),
        ("server 127.0.0.1:8080 ", f"server 127.0.0.1:{upstream} "),
        ("server_name gateway.example.com;", "server_name localhost;"),
        ("/etc/nginx/tls/", f"{directory}/"),
    ):
        assert shipped in text, f"{shipped!r} is not in {SHIPPED.name}"
        text = text.replace(shipped, ours)
    (directory / "sluicegate.conf").write_text(text, encoding="utf-8")
    # As root it would hand requests to a user who may not enter the test's directory.
    user = "user root;" if os.geteuid() == 0 else ""
    (directory / "nginx.conf").write_text(MAIN.format(directory=directory, user=user), encoding="utf-8")


def certify(directory: Path) -> trustme.CA:
    """Put a certificate for localhost into the directory; who vouches for it."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(directory / "privkey.pem")
    (directory / "fullchain.pem").write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    return authority


def free_ports(count: int) -> list[int]:
    """Ports nobody has now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports
