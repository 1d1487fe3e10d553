"""Alerts of a real gateway: what is wrong is told once to a webhook and by mail, and its end once."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from gateway import operator
from gateway.operator import NotAnswered
from tests.e2e.wire import ask, chat_body, request
from tests.gateway.alerts.hooks import Hook, aside, hook
from tests.gateway_process import CLIENT_KEY, GatewayProcess, configuration, running
from tests.mail_server import MailServer, mail_server
from tests.providers import MockProcess
from tests.waiting import until

JOB = "watch-alerts"
APP = "sk-key-of-an-app"
SIGNING = "canary of a signing key"

TOML = """
[server]
public_url = "https://llm.example.com"

[alerts]
calm_minutes       = 0
credential_minutes = 0.0001
error_percent      = 0
disk_percent       = []

[[alerts.webhooks]]
name   = "ops"
url    = "{hook}"
secret = "{secret}"

[alerts.email]
host     = "127.0.0.1"
port     = {mail}
security = "none"
sender   = "gateway@example.com"
to       = ["ops@example.com"]
kinds    = ["budget"]

[rests]
first_seconds = 600
probe_seconds = 0

[[client_keys]]
name       = "app"
key        = "sk-key-of-an-app"
budget_usd = 0.01

[[providers]]
id       = "dead"
format   = "openai_chat"
base_url = "{mock}/v1"

[[providers.credentials]]
name    = "only"
api_key = "sk-canary-of-a-dead-credential"

[[prices]]
model  = "mock/*"
input  = 1.0
output = 5.0
"""


class Watched:
    """A gateway, and those whom it tells."""

    def __init__(self, gateway: GatewayProcess, there: Hook, mails: MailServer) -> None:
        self.gateway, self.hook, self.mails = gateway, there, mails

    def watch(self) -> None:
        """Have it look, and wait until it has told everybody."""
        before = self._runs()
        self.tell("POST", f"/api/jobs/{JOB}/run")
        until(lambda: self._runs() > before, 15, every=0.05)

    def chat(self, model: str, key: str, **more: Any) -> int:
        """Status of the answer."""
        body = chat_body(model, **more)
        return asyncio.run(ask(self.gateway.port, request("POST", "/v1/chat/completions", body, key=key))).status

    def spend(self, output: int) -> None:
        """Have the app spend on so many tokens of output, five dollars a million."""
        assert self.chat(f"mock/gpt;input=0;output={output}", APP, max_tokens=output) == 200

    def alerts(self, **wanted: str) -> list[dict[str, Any]]:
        return self.ask("/api/alerts", **wanted)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What the webhook was told of a kind."""
        return [alert for told in self.hook.told for alert in told.fields["alerts"] if alert["kind"] == kind]

    def ask(self, path: str, **wanted: str) -> list[dict[str, Any]]:
        """A list."""
        found: list[dict[str, Any]] = operator.ask(self.gateway.data_dir, path, wanted)["items"]
        return found

    def tell(self, method: Literal["POST", "DELETE"], path: str, body: object = None) -> Any:
        return operator.tell(self.gateway.data_dir, method, path, body)

    def _runs(self) -> int:
        """How often it has looked, and ended."""
        (job,) = (job for job in self.ask("/api/jobs") if job["name"] == JOB)
        assert job["error"] is None
        return int(job["runs"]) if job["finished_at"] else -1


@pytest.fixture(scope="module")
def watched(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with aside(hook()) as there, aside(mail_server()) as mails:
        toml = TOML.format(hook=there.url, secret=SIGNING, mail=mails.port, mock=mock.url)
        with running(tmp_path_factory.mktemp("watched"), configuration(mock.url, toml)) as gateway:
            yield Watched(gateway.complete(), there, mails)
            assert gateway.close() == 0, gateway.tail()
            for secret in (SIGNING, "canary-in-a-path", "canary-of-a-dead"):
                assert secret not in gateway.said()


def test_a_budget_that_runs_out_is_told_once_and_its_end_once(watched: Watched) -> None:
    watched.watch()
    watched.spend(1500)
    watched.watch()
    assert watched.told("budget") == [], "75 %"
    watched.spend(200)
    for _ in range(3):
        watched.watch()
    (alert,) = watched.told("budget")
    assert alert["event"] == "opened"
    assert alert["text"] == "client key `app` has used 85 % of its budget"
    assert alert["link"] == "https://llm.example.com/spend"
    (told,) = watched.hook.told
    at = told.headers["x-sluicegate-timestamp"]
    expected = hmac.new(SIGNING.encode(), f"{at}.".encode() + told.body, hashlib.sha256).hexdigest()
    assert told.headers["x-sluicegate-signature"] == f"v1={expected}"
    (mail,) = watched.mails.mails
    assert mail.message["Subject"] == "[warning] client key `app` has used 85 % of its budget"
    (shown,) = watched.alerts(state="open")
    assert (shown["id"], shown["kind"], shown["severity"]) == (alert["id"], "budget", "warning")
    assert {one["receiver"]: one["error"] for one in shown["deliveries"]} == {"webhook/ops": None, "email": None}
    watched.tell("POST", "/api/keys/app/limits/reset")
    for _ in range(2):
        watched.watch()
    assert [one["event"] for one in watched.told("budget")] == ["opened", "over"]
    assert watched.mails.mails[-1].message["Subject"].startswith("[over] over after ")
    assert [one["state"] for one in watched.alerts(kind="budget")] == ["closed"]


def test_a_dead_credential_is_told_once_and_not_at_all_once_somebody_has_closed_it(watched: Watched) -> None:
    mails = len(watched.mails.mails)
    assert watched.chat("dead/gpt;status=401", CLIENT_KEY) >= 400
    for _ in range(3):
        watched.watch()
    (alert,) = watched.told("credential")
    assert (alert["event"], alert["severity"]) == ("opened", "critical")
    assert alert["text"] == "the credential `dead/only` is refused: auth"
    assert len(watched.mails.mails) == mails, "who gets mails wants to hear of budgets"
    assert watched.tell("POST", f"/api/alerts/{alert['id']}/close")["state"] == "silenced"
    watched.tell("DELETE", "/api/rests?provider=dead")
    watched.watch()
    assert len(watched.told("credential")) == 1
    assert [one["state"] for one in watched.alerts(kind="credential")] == ["closed"]
    assert [entry["target_id"] for entry in watched.ask("/api/audit", action="alert.close")] == [alert["id"]]


def test_who_is_told_can_be_tried_out(watched: Watched) -> None:
    tried = watched.tell("POST", "/api/alerts/test", {})["items"]
    assert [(one["receiver"], one["ok"]) for one in tried] == [("webhook/ops", True), ("email", True)]
    assert [one["event"] for one in watched.told("test")] == ["test"]
    assert watched.mails.mails[-1].message["Subject"] == "[test] this is a test of alerts"
    with pytest.raises(NotAnswered, match="no receiver"):
        watched.tell("POST", "/api/alerts/test", {"receiver": "webhook/other"})
    (entry,) = watched.ask("/api/audit", action="alert.test")
    assert entry["after"] == {"email": "ok", "webhook/ops": "ok"}
