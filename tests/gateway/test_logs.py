from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import termios
import threading
import warnings
from collections.abc import Callable, Iterator

import pytest
import structlog
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import logs
from gateway.logs import IN_JSON, LineWriter, printable, redact, tidy
from gateway.records import Credential
from gateway.settings.section import LogFormat, LogLevel
from tests.source import ROOT
from tests.waiting import until

Say = Callable[[], list[str]]

SECRETS = (
    "sk-abcdef123456",
    "sk-proj-AbC_dEf-123456789",
    "sk-ant-api03-xxxxxxxxxxxx",
    "Bearer abcDEF123._~+/=-",
    "bearer abcdef12345",
    "Basic dXNlcjpwYXNzd29yZA==",
    "AIzaSyD-9tSrke72PouQMnMX",
    "ya29.a0AfH6SMBx_x-y.z",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "gsk_abcdefghijklmnop",
)


@pytest.fixture
def heard() -> Iterator[Callable[..., Say]]:
    """Configures logging onto a pipe; the answer tells the lines that have come."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)

    def configure(style: LogFormat = "json", level: LogLevel = "info") -> Say:
        logs.configure(style, level, descriptor=writer)
        return lambda: os.read(reader, 1 << 20).decode().splitlines()

    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield configure
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = before
    logs._writers.pop(writer).close()
    os.close(reader)
    os.close(writer)


def test_an_event_is_one_line_of_json(heard: Callable[..., Say]) -> None:
    lines = heard()
    logs.get("relay").info("something happened", count=3, names=("a", "b"))
    (line,) = lines()
    said = json.loads(line)
    assert list(said) == ["time", "level", "source", "event", "count", "names"]
    assert said.pop("time").endswith("Z")
    assert list(said.values()) == ["info", "relay", "something happened", 3, ["a", "b"]]


def test_a_logger_made_before_configuration_obeys_it(heard: Callable[..., Say]) -> None:
    log = logs.get("early")
    lines = heard(level="warning")
    log.info("quiet")
    log.warning("loud")
    assert [json.loads(line)["event"] for line in lines()] == ["loud"]


def test_the_level_can_be_changed_while_running(heard: Callable[..., Say]) -> None:
    log = logs.get("x")
    lines = heard(level="error")
    log.warning("first")
    heard(level="debug")
    log.debug("second")
    assert [json.loads(line)["event"] for line in lines()] == ["second"]


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_never_written(heard: Callable[..., Say], style: LogFormat, secret: str) -> None:
    lines = heard(style)
    try:
        raise ValueError(f"failed\n{secret}\nat once")
    except ValueError:
        logs.get("x").exception(f"event {secret}", plain=secret, nested={"deep": [secret]}, text=f"a\n{secret}\tb")
    logging.getLogger("library").warning("said %s", secret)
    told = "\n".join(lines())
    assert secret.removeprefix("Bearer ").removeprefix("bearer ").removeprefix("Basic ") not in told
    assert "***" in told


@pytest.mark.parametrize("style", ["json", "console"])
def test_what_is_called_a_secret_is_never_written(heard: Callable[..., Say], style: LogFormat) -> None:
    lines = heard(style)
    logs.get("x").info(
        "call https://example.com/v1?key=hunter2&alt=sse password=\"hunter2\" {'token': 'hunter2'}",
        api_key="hunter2",
        token="hunter2 with spaces",
        said='password="hunter2"',
        headers={"X-Api-Key": "hunter2", "authorization": "hunter2", "cookie": "hunter2"},
        pairs=[(b"x-goog-api-key", b"hunter2")],
        body='{"password": "hunter2", "client_secret":"hunter2"}',
        form="refresh_token=hunter2&grant=x",
        proxy="socks5h://user:hunter2@proxy:1080",
        credential=Credential("openai", "first", "hunter2"),
    )
    (line,) = lines()
    assert "hunter2" not in line
    assert "first" in line
    assert "alt=sse" in line
    assert "proxy:1080" in line


@pytest.mark.parametrize(
    "harmless",
    ["task-scheduler-restart", "risk-averse-client", "tokens: 12", "key=team", "a token bucket", '"api_key":null'],
)
def test_what_only_resembles_a_secret_is_written(harmless: str) -> None:
    assert redact(harmless) == redact(harmless, IN_JSON) == harmless


TEXTS = st.text() | st.text("""b'"\\:,=? """) | st.sampled_from([*SECRETS, "token", "cookie=", "api_key': '"])


@given(TEXTS, TEXTS, TEXTS)
@example('"api_key"', '"', '\\"token":"x')
@example("token=\\", "token='", "cookie=")
@example("password", "\\", '\\\\"secret":\\"')
def test_redaction_leaves_json_what_it_is(first: str, second: str, third: str) -> None:
    line = json.dumps([first, second], separators=(",", ":"))
    assert isinstance(json.loads(redact(line, IN_JSON)), list)
    line = json.dumps({"password": first, "x": [second, {"token": third}], third: first, "api_key": None, "secret": 3})
    assert isinstance(json.loads(redact(line, IN_JSON)), dict)


@given(st.text())
def test_tidied_text_is_printable_and_short(text: str) -> None:
    assert tidy(text).isprintable()
    assert len(tidy(text, 20)) <= 20


def test_unprintable_characters_are_spelled_out() -> None:
    assert printable("a\nb\x1b[0m\x9b\u202e\u2028\ud800 é☃") == "a\\u000ab\\u001b[0m\\u009b\\u202e\\u2028\\ud800 é☃"


@pytest.mark.parametrize("style", ["json", "console"])
def test_nobody_forges_a_line(heard: Callable[..., Say], style: LogFormat) -> None:
    lines = heard(style)
    forged = 'x\n2025-01-01T00:00:00Z info forged\r\x1b[2J\x7f\u2028\x85{"event":"forged"}'
    logs.get("x").info(forged, value=forged, **{"odd\nname": 1})
    (line,) = lines()
    assert line.isprintable()


def test_a_traceback_for_eyes_follows_indented(heard: Callable[..., Say]) -> None:
    lines = heard("console")
    try:
        raise ValueError("first\n2025-01-01T00:00:00Z info forged")
    except ValueError:
        logs.get("x").exception("it failed", path="/a b", empty="")
    first, *rest = lines()
    assert first.endswith('error   x: it failed path="/a b" empty=""')
    assert rest
    assert all(line.startswith("    ") for line in rest)


@pytest.mark.parametrize("value", [2**70, float("nan"), "half \ud83d", {1, 2}, object(), {(1, 2): 3}, b"\xff", None])
def test_any_value_can_be_said(heard: Callable[..., Say], value: object) -> None:
    lines = heard()
    logs.get("x").info("said", value=value)
    assert json.loads(lines()[0])["event"] == "said"


def test_libraries_speak_from_warning_on(heard: Callable[..., Say]) -> None:
    lines = heard(level="info")
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("beware of %d", 3)
    logging.getLogger("some.library").log(35, "between the levels")
    logging.getLogger("some.library").critical("worst")
    said = [json.loads(line) for line in lines()]
    assert [(each["level"], each["source"], each["event"]) for each in said] == [
        ("warning", "some.library", "beware of 3"),
        ("warning", "some.library", "between the levels"),
        ("error", "some.library", "worst"),
    ]


def test_libraries_speak_always_when_debugging(heard: Callable[..., Say]) -> None:
    lines = heard(level="debug")
    logging.getLogger("some.library").debug("detail")
    assert json.loads(lines()[-1])["event"] == "detail"


def test_warnings_of_python_become_lines(heard: Callable[..., Say]) -> None:
    lines = heard()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old\nthing", UserWarning, stacklevel=1)
    (line,) = lines()
    assert json.loads(line)["source"] == "py.warnings"


def test_threads_do_not_mingle_their_lines(heard: Callable[..., Say]) -> None:
    lines = heard()

    def say() -> None:
        for _ in range(30):
            logs.get("thread").info("x" * 300)

    threads = [threading.Thread(target=say) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [json.loads(line)["event"] for line in lines()] == ["x" * 300] * 120


def test_a_process_that_ends_leaves_no_line_unwritten() -> None:
    program = "from gateway import logs; logs.configure('json', 'info'); logs.get('x').info('last words')"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    assert json.loads(ended.stderr)["event"] == "last words"


def test_an_event_does_not_wait_for_a_reader_that_stopped() -> None:
    """A process of its own, so that waiting would end the test: a full pipe, nobody reading, events nevertheless."""
    program = (
        "import sys; from gateway import logs; logs.configure('json', 'info')\n"
        "for _ in range(5000): logs.get('x').info('y' * 1000)\n"
        "print('done', flush=True)"
    )
    reader, writer = os.pipe()
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=writer) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        assert process.wait(timeout=10) == 0
    os.close(reader)
    os.close(writer)


def test_where_a_pipe_cannot_be_opened_anew_each_write_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_reopen", lambda _: None)
    reader, writer = os.pipe()
    lines = LineWriter(writer, limit=300_000)
    for _ in range(200):
        lines.write(b"x" * 999 + b"\n")
    lines.flush()
    assert 0 < lines.size < 200_000
    read = 0
    while lines.size:
        read += len(os.read(reader, 1 << 20))
        lines.flush()
    os.set_blocking(reader, False)
    assert read + len(os.read(reader, 1 << 20)) == 200_000
    lines.close()
    os.close(reader)
    os.close(writer)


def test_a_terminal_that_is_stopped_holds_nobody() -> None:
    screen, terminal = os.openpty()
    lines = LineWriter(terminal)
    termios.tcflow(terminal, termios.TCOOFF)
    for _ in range(200):
        lines.write(b"x" * 999 + b"\n")
    lines.flush()
    assert lines.size > 0
    termios.tcflow(terminal, termios.TCOON)
    os.set_blocking(screen, False)

    def drained() -> bool:
        with contextlib.suppress(BlockingIOError):
            os.read(screen, 1 << 16)
        lines.flush()
        return not lines.size

    until(drained)
    assert lines.dropped == 0
    lines.close()
    os.close(terminal)
    os.close(screen)


def test_a_line_longer_than_a_piece_arrives_whole() -> None:
    reader, writer = os.pipe()
    lines = LineWriter(writer)
    lines.write(b"x" * 10_000 + b"\n")
    lines.write(b"short\n")
    lines.flush()
    assert os.read(reader, 1 << 20) == b"x" * 10_000 + b"\nshort\n"
    lines.close()
    os.close(reader)
    os.close(writer)


def test_after_its_end_a_writer_keeps_nothing() -> None:
    reader, writer = os.pipe()
    lines = LineWriter(writer)
    lines.close()
    lines.write(b"late\n")
    lines.flush()
    assert (lines.size, lines.dropped) == (0, 1)
    os.close(reader)
    os.close(writer)
