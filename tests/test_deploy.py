"""What `deploy/` and the Containerfile promise. No container engine is needed: the file is read as one reads it."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.api.sockets import PATH as SOCKET_PATH
from gateway.live.feed import HEARTBEAT_SECONDS
from gateway.settings.load import load
from gateway.settings.model import ServerSettings
from tests.redis_server import needs_redis, serving
from tests.source import PROGRAM, ROOT

UNIT = (ROOT / "deploy" / "sluicegate.service").read_text(encoding="utf-8")
NGINX = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
COMPOSE = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
DEPLOYMENT = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
PROGRAM_FILE = "/opt/sluicegate/bin/sluicegate"


@dataclass(frozen=True)
class Instruction:
    """One instruction of the Containerfile, its continued lines joined."""

    word: str
    rest: str


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, the first of which is its FROM."""
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    found: list[list[Instruction]] = []
    for line in joined:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append(Instruction(word, rest.strip()))
    return found


BUILD, FINAL = stages()


def only(stage: list[Instruction], word: str) -> str:
    """What the one instruction with this word says."""
    (found,) = [each.rest for each in stage if each.word == word]
    return found


def test_both_stages_stand_on_the_same_python() -> None:
    assert only(BUILD, "FROM").split()[0] == only(FINAL, "FROM")
    assert only(FINAL, "FROM").startswith("python:3.11-slim")


def test_the_last_stage_takes_the_program_and_no_tools() -> None:
    copies = [each.rest for each in FINAL if each.word == "COPY"]
    assert copies == ["--from=build /opt/sluicegate /opt/sluicegate"]
    assert "pip" not in " ".join(each.rest for each in FINAL if each.word == "RUN")


def test_everything_installed_is_pinned_by_hash() -> None:
    installs = [each for line in BUILD if line.word == "RUN" for each in line.rest.split("&&") if " install " in each]
    fetched = [each for each in installs if "--no-index" not in each]
    assert len(fetched) == 2
    assert all("--require-hashes" in each and "--only-binary :all:" in each for each in fetched)


def test_the_container_runs_as_nobody_in_particular() -> None:
    assert only(FINAL, "USER") == "10001:10001"
    assert only(FINAL, "VOLUME") == "/data"
    assert "--uid 10001" in only(FINAL, "RUN")


def test_the_container_is_started_stopped_and_asked_without_a_shell() -> None:
    assert json.loads(only(FINAL, "ENTRYPOINT")) == [PROGRAM_FILE]
    assert json.loads(only(FINAL, "CMD"))[0] == "serve"
    assert only(FINAL, "STOPSIGNAL") == "SIGTERM"
    command = json.loads(only(FINAL, "HEALTHCHECK").partition("CMD ")[2])
    compile(command[2], "healthcheck", "exec")
    assert "/healthz" in command[2]
    assert "urllib" not in command[2], "it would ask through a proxy of the environment"


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    kept = [line[1:] for line in ignore_lines() if line.startswith("!")]
    sources = [name for each in BUILD if each.word == "COPY" for name in each.rest.split()[:-1]]
    assert {*PROGRAM} <= {*sources}
    for name in sources:
        assert (ROOT / name).exists(), name
        assert any(name == each or fnmatch.fnmatch(name, f"{each}/*") for each in kept), f"{name} is ignored"


def test_nothing_else_is_sent_to_the_build() -> None:
    assert ignore_lines()[0] == "*"


def ignore_lines() -> list[str]:
    text = (ROOT / ".containerignore").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.needs("systemd-analyze")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "sluicegate.service"
    unit.write_text(UNIT.replace(PROGRAM_FILE, "/bin/true"), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, complaints) == (0, [])


@pytest.mark.needs("systemd-analyze")
def test_the_unit_exposes_little(tmp_path: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20"]
    done = subprocess.run(
        [*command, str(ROOT / "deploy" / "sluicegate.service")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-200:]


def test_whoever_stops_us_waits_longer_than_we_drain() -> None:
    drain = ServerSettings().drain_seconds
    assert seconds(r"TimeoutStopSec=(\d+)s", UNIT) > drain + 10
    assert seconds(r"stop_grace_period: (\d+)s", COMPOSE) > drain + 10


def part_of(place: str, text: str = COMPOSE) -> str:
    """What stands below `place:` in the compose file, or in a part of it, without its comments; nothing if it is not
    there."""
    found = re.search(rf"^( *){place}:\n((?:\1 +.*\n|\n)*)", f"{text}\n", re.MULTILINE)
    return "" if found is None else re.sub(r"^ *#.*\n", "", found[2], flags=re.MULTILINE)


def test_only_nginx_is_reached_from_elsewhere() -> None:
    assert re.findall(r'- "(.+)"', part_of("ports")) == ["80:80", "443:443"]
    assert COMPOSE.count("ports:") == 1
    assert "network_mode: service:gateway" in part_of("nginx")


def test_whatever_keeps_something_has_a_volume_for_it() -> None:
    declared = re.findall(r"^    (\w+):$", COMPOSE[COMPOSE.index("\nvolumes:") :], re.MULTILINE)
    used = {name: re.findall(r"- (\w+):(/\S+)", part_of("volumes", part_of(name))) for name in ("gateway", "valkey")}
    assert used == {"gateway": [("data", "/data")], "valkey": [("counts", "/data")]}
    assert declared == ["data", "counts"]


@pytest.mark.parametrize("name", ["gateway", "valkey"])
def test_what_runs_may_do_as_little_as_it_can(name: str) -> None:
    said = part_of(name)
    assert "read_only: true" in said
    assert part_of("cap_drop", said).split() == ["-", "ALL"]
    assert "no-new-privileges:true" in said


def test_valkey_is_a_version_that_is_known_and_runs_only_if_it_is_asked_for() -> None:
    said = part_of("valkey")
    assert re.search(r"^ *image: valkey/valkey:\d+\.\d+$", said, re.MULTILINE)
    assert part_of("profiles", said).split() == ["-", "valkey"]
    assert not re.search(r"^ *(ports|network_mode|depends_on):", COMPOSE[COMPOSE.index("    valkey:") :], re.MULTILINE)
    assert json.loads(said_after("test:", said))[0] == "CMD"


def test_the_gateway_counts_in_valkey_by_what_the_documentation_says() -> None:
    said = dict(re.findall(r"^([A-Z_]+)=(\S+)$", DEPLOYMENT, re.MULTILINE))
    assert said.pop("COMPOSE_PROFILES") == "valkey"
    passed = re.findall(r"^ *(\w+):(.*)$", part_of("environment"), re.MULTILINE)
    assert {name for name, value in passed if not value.strip()} == said.keys()
    settings = load(None, {name: value.strip() or said[name] for name, value in passed})
    assert settings.limits.redis_url == "redis://valkey:6379/0"
    assert settings.server.listen == "127.0.0.1:8080"


@needs_redis
def test_what_valkey_is_told_is_understood_and_keeps_the_counts() -> None:
    """By Redis, which understands the same."""
    program, *options = json.loads(said_after("command:", part_of("valkey")))
    assert program == "valkey-server"
    with serving(*options) as server, server.client() as client:
        told = {name: client.config_get(name)[name] for name in ("appendonly", "save", "maxmemory-policy")}
    assert told == {"appendonly": "yes", "save": "", "maxmemory-policy": "noeviction"}


def said_after(word: str, text: str) -> str:
    """The rest of the one line that begins with a word."""
    (found,) = re.findall(rf"^ *{word} (.+)$", text, re.MULTILINE)
    return str(found)


def test_nginx_lets_go_of_an_idle_connection_before_we_do() -> None:
    upstream = NGINX[NGINX.index("upstream ") : NGINX.index("server {\n    listen 80;")]
    assert seconds(r"keepalive_timeout (\d+)s", upstream) < ServerSettings().header_timeout_seconds


def test_nginx_lets_a_connection_become_a_websocket_where_there_is_one_and_nowhere_else() -> None:
    places = dict(re.findall(r"^    location (.+) \{\n((?:        .*\n|\n)*)    \}", NGINX, re.MULTILINE))
    assert f"= {SOCKET_PATH}" in places
    upgrading = {place for place, said in places.items() if "$http_upgrade" in said}
    assert upgrading == {f"= {SOCKET_PATH}"}
    said, usual = places[f"= {SOCKET_PATH}"], places["/"]
    assert re.search(r'proxy_set_header Connection +"upgrade";', said)
    who = r"proxy_set_header (Host|X-Forwarded-\w+) +(\S+);"
    assert re.findall(who, said) == re.findall(who, usual), "who asks, and for what, is told as everywhere"
    assert seconds(r"proxy_read_timeout +(\d+)s", said) > 2 * HEARTBEAT_SECONDS


def test_nginx_accepts_more_than_we_do() -> None:
    found = re.search(r"client_max_body_size (\d+)m", NGINX)
    assert found is not None
    assert int(found[1]) * 2**20 > ServerSettings().max_body_bytes


def seconds(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found is not None, pattern
    return int(found[1])
