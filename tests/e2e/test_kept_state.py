"""Where responses are kept: through restarts, by several workers, for as long as set, and when the file fails."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import openai
import pytest

from tests.e2e.keeping import heard, keeping, model_of, say, sdk, toml
from tests.gateway_process import GatewayProcess, environment
from tests.providers import MockProcess
from tests.source import ROOT
from tests.waiting import until

GARBAGE = b"this is no database\n" * 500


def is_there(client: openai.OpenAI, response_id: str) -> bool:
    try:
        client.responses.retrieve(response_id)
    except openai.NotFoundError:
        return False
    return True


def state_of(gateway: GatewayProcess) -> Path:
    return gateway.data_dir / "state.sqlite3"


def test_after_a_restart_every_worker_has_what_any_of_them_kept(mock: MockProcess, tmp_path: Path) -> None:
    with keeping(tmp_path, mock.url) as gateway, sdk(gateway) as client:
        foreign = say(client, model_of("gemini", ";text=first"), "one")
        native = say(client, model_of("responses"), "one")
        assert gateway.close() == 0, gateway.tail()
    with keeping(tmp_path, mock.url, workers=2) as gateway:

        def asked_all_workers() -> bool:
            with sdk(gateway) as client:  # a connection of its own, so that either worker may get it
                for first in (foreign, native):
                    provider = "messages" if first is foreign else "responses"
                    said = say(client, model_of(provider, ";echo"), "two", previous_response_id=first.id)
                    assert (heard(said)["turns"], heard(said)["last"]) == (3, "two")
                assert client.responses.retrieve(foreign.id).output_text == foreign.output_text
            return len(set(re.findall(r'"endpoint":"/v1/responses".*"worker":(\d)', gateway.said()))) == 2

        until(asked_all_workers, 15)
        assert gateway.close() == 0, gateway.tail()


def test_what_one_worker_has_kept_another_finds_at_once(mock: MockProcess, tmp_path: Path) -> None:
    with keeping(tmp_path, mock.url, workers=2) as gateway:
        previous = None
        for turn in range(12):
            with sdk(gateway) as client:
                said = say(client, model_of("chat", ";echo"), "on", stream=turn % 2 == 1, previous_response_id=previous)
            assert heard(said)["turns"] == 2 * turn + 1
            previous = said.id
        assert gateway.close() == 0, gateway.tail()


def test_a_response_is_gone_when_its_time_is_over(mock: MockProcess, tmp_path: Path) -> None:
    with keeping(tmp_path, mock.url, "\n[responses]\nkeep_hours = 0.001\n") as gateway, sdk(gateway) as client:
        said = say(client, model_of("chat"), "one")
        assert is_there(client, said.id)
        until(lambda: not is_there(client, said.id), 10, every=0.1)
        with pytest.raises(openai.BadRequestError) as refused:
            say(client, model_of("chat"), "two", previous_response_id=said.id)
        assert refused.value.param == "previous_response_id"
        assert gateway.close() == 0, gateway.tail()


def test_one_that_is_too_large_is_refused_with_the_cause(mock: MockProcess, tmp_path: Path) -> None:
    with keeping(tmp_path, mock.url, "\n[responses]\nmax_bytes = 4096\n") as gateway, sdk(gateway) as client:
        said = say(client, model_of("chat"), "x" * 5000)
        assert said.output_text
        with pytest.raises(openai.NotFoundError, match=r"responses\.max_bytes"):
            client.responses.retrieve(said.id)
        with pytest.raises(openai.BadRequestError, match=r"responses\.max_bytes") as refused:
            say(client, model_of("chat"), "two", previous_response_id=said.id)
        assert (refused.value.code, refused.value.param) == ("previous_response_not_found", "previous_response_id")
        client.responses.delete(said.id)
        assert gateway.close() == 0, gateway.tail()


def test_nothing_is_kept_where_that_is_switched_off(mock: MockProcess, tmp_path: Path) -> None:
    with keeping(tmp_path, mock.url, "\n[responses]\nstore = false\n") as gateway, sdk(gateway) as client:
        for provider in ("chat", "responses"):
            said = say(client, model_of(provider), "one", store=True)
            assert not is_there(client, said.id)
        assert gateway.close() == 0, gateway.tail()


def test_a_gateway_does_not_start_on_a_file_that_is_no_database(mock: MockProcess, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "state.sqlite3").write_bytes(GARBAGE)
    config = tmp_path / "sluicegate.toml"
    config.write_text(toml(mock.url), encoding="utf-8")
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(config), "--listen", "127.0.0.1:0"]
    ended = subprocess.run(
        [*command, "--data-dir", str(tmp_path / "data")],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode != 0
    assert ended.stderr.splitlines()[-1].startswith("sluicegate: ")
    assert "state.sqlite3 cannot be used: file is not a database" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (tmp_path / "data" / "state.sqlite3").read_bytes() == GARBAGE, "whatever it is, it is not ours to overwrite"


def test_a_file_that_is_damaged_meanwhile_stops_only_what_needs_it(mock: MockProcess, tmp_path: Path) -> None:
    with keeping(tmp_path, mock.url) as gateway, sdk(gateway) as client:
        state = state_of(gateway)
        saved = {each: each.read_bytes() for each in state.parent.glob("state.sqlite3*")}
        for each in saved:
            each.unlink()
        state.write_bytes(GARBAGE)
        for attempt in (
            lambda: client.responses.retrieve("resp_1"),
            lambda: client.responses.delete("resp_1"),
            lambda: say(client, model_of("chat"), "two", previous_response_id="resp_1"),
            lambda: say(client, model_of("responses"), "two", stream=True, previous_response_id="resp_1"),
        ):
            with pytest.raises(openai.InternalServerError, match="cannot use its state") as failed:
                attempt()
            assert (failed.value.status_code, failed.value.code) == (503, "state_unavailable")
            assert failed.value.response.headers["retry-after"] == "1"
        for provider in ("chat", "responses"):
            for stream in (False, True):
                assert say(client, model_of(provider), "one", stream=stream).output_text
        # A worker has two ways to it, the control process one more.
        assert 1 <= gateway.said().count("the state cannot be used") <= 3, "once each, not with every request"
        assert "a response was not kept" in gateway.said()
        state.unlink()
        said = say(client, model_of("chat"), "one")
        assert is_there(client, said.id), "a new file is made, and it goes on"
        assert gateway.close() == 0, gateway.tail()


def test_while_another_program_writes_answers_come_and_are_not_kept(mock: MockProcess, tmp_path: Path) -> None:
    with keeping(tmp_path, mock.url) as gateway, sdk(gateway) as client:
        before = say(client, model_of("chat"), "one")
        with closing(connect(state_of(gateway), isolation_level=None)) as other:
            other.execute("begin exclusive")
            during = say(client, model_of("chat"), "two", previous_response_id=before.id)
            assert during.output_text
            assert is_there(client, before.id), "reading goes on"
            other.execute("rollback")
        assert not is_there(client, during.id)
        after = say(client, model_of("chat"), "three", previous_response_id=before.id)
        assert is_there(client, after.id)
        assert gateway.close() == 0, gateway.tail()
