"""A gateway into which a secret is put in every way there is, and everything of it that somebody may get to see.

Knows how secrets come in, and where to look for them. Who is meant to see one (whoever makes a key, in the answer) is
not listened to.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from gateway import operator
from gateway.api.management import OPERATIONS
from gateway.captures.places import folder_of
from gateway.store.state import Where
from tests.e2e.aviary import SAID, Aviary
from tests.e2e.wire import Cut, ask, chat_body, request
from tests.gateway.commands.calling import call
from tests.gateway.store import samples
from tests.gateway_process import GatewayProcess, children_of, command_of, configuration, running
from tests.openid_provider import OpenIdProcess, query_of
from tests.programs import find
from tests.web.visiting import Person

VARIABLE = "CANARY_IN_THE_ENVIRONMENT"

EMAIL = "ann@example.com"

TOML = """
[server]
log_level = "debug"

[network]
allow = ["127.0.0.1"]

[capture]
mode = "all"

[login]
insecure = true

[[login.providers]]
id            = "corp"
issuer        = "{issuer}"
client_id     = "{client_id}"
client_secret = "{client_secret}"
roles         = [{{ group = "staff", role = "member" }}]
scopes        = ["openid", "email", "profile", "groups"]

[[alerts.webhooks]]
name   = "filed"
url    = "http://127.0.0.1:1/{hook}"
secret = "{signing}"

[[client_keys]]
name = "filed"
key  = "{client_key}"

[[providers]]
id       = "filed"
format   = "openai_chat"
base_url = "{mock}/v1"
headers  = {{ x-team = "{header}" }}

[[providers.credentials]]
name    = "said"
api_key = "{api_key}"

[[providers]]
id       = "variable"
format   = "anthropic"
base_url = "{mock}"

[[providers.credentials]]
name        = "variable"
api_key_env = "{variable}"

[[providers]]
id       = "apart"
format   = "gemini"
base_url = "{mock}"

[[providers.credentials]]
name         = "apart"
api_key_file = "apart.key"

[[providers]]
id       = "proxied"
format   = "openai_chat"
base_url = "http://provider.invalid/v1"
proxy    = "http://us:{proxy}@127.0.0.1:1"
"""

SCRIPTS = ("chunks=1", "tattle;status=401", "tattle;status=500", "garbage", "cut=1")

MODELS = (
    *(f"{provider}/gpt-4o-mini;{each}" for provider in ("filed", "variable", "apart", "posted") for each in SCRIPTS),
    *("proxied/m", "proxied-by-api/m", "filed/missing-model", "nowhere/m"),
)
"""What is asked for: it works, it fails, and the provider's error repeats the key."""

STREAMED = tuple(f"{provider}/gpt-4o-mini;tattle;errorevent=1" for provider in ("filed", "variable", "apart", "posted"))
"""The same within a stream."""

PROMPTS = ("prompt", "prompt that is no JSON")
"""Canaries that whoever may read captures may read."""

OURS_ALONE = ("vault.key", "operator.token")
"""Files that hold what they hold."""


def toml_of(mock: str, there: OpenIdProcess, database: str) -> str:
    """The configuration of the gateway."""
    said = TOML.format(
        mock=mock,
        issuer=there.issuer,
        client_id=there.client_id,
        client_secret=there.client_secret,
        variable=VARIABLE,
        client_key=SAID["client key in the configuration file"],
        api_key=SAID["provider key in the configuration file"],
        header=SAID["header in the configuration file"],
        hook=SAID["address of a webhook"],
        signing=SAID["signing key of a webhook"],
        proxy=SAID["proxy password in the configuration file"],
    )
    return configuration(mock, said + (f'\n[database]\nurl = "{database}"\n' if database else ""))


def fill(directory: Path, mock: str, there: OpenIdProcess, database: str) -> Aviary:
    """Have a gateway live through everything; what there is to see of it afterwards."""
    aviary = Aviary()
    (directory / "apart.key").write_text(SAID["provider key in a file of its own"])
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(VARIABLE, SAID["provider key in the environment"])
        with running(directory, toml_of(mock, there, database), workers=2) as gateway:
            life = Life(gateway.complete(), aviary, is_shared=bool(database))
            aviary.secrets["setup link"] = heard_link(gateway)
            aviary.secrets["vault key"] = (gateway.data_dir / "vault.key").read_text().strip()
            life.manage(mock)
            asyncio.run(life.be_asked())
            asyncio.run(life.be_visited(there))
            life.be_looked_at()
            life.be_read()
            life.be_commanded(directory)
            aviary.secrets["vault key, replaced"] = (gateway.data_dir / "vault.key").read_text().strip()
            for number, path in enumerate(files_of(gateway.data_dir)):
                aviary.look(f"file {path.name} while it runs ({number})", path.read_bytes())
            assert gateway.close() == 0, gateway.tail()
    aviary.look("log", gateway.said())
    for path in files_of(gateway.data_dir):
        aviary.look(f"file {path.name}", path.read_bytes())
    look_into(aviary, gateway.data_dir, database)
    return aviary


def heard_link(gateway: GatewayProcess) -> str:
    """What the setup link carries, from standard output, whose first line has been read."""
    assert gateway.process.stdout is not None
    return gateway.process.stdout.readline().partition("token=")[2].partition(" ")[0]


def files_of(data_dir: Path) -> list[Path]:
    """What lies in the data directory."""
    return [path for path in data_dir.rglob("*") if path.is_file() and path.name not in OURS_ALONE]


def look_into(aviary: Aviary, data_dir: Path, database: str) -> None:
    """The databases row by row: on disk a row may be packed."""
    aviary.look("rows of the state", repr(samples.read(Where(data_dir / "state.sqlite3", database))))
    if database and find("pg_dump") is not None:
        dumped = subprocess.run([str(find("pg_dump")), database], capture_output=True, check=True)
        aviary.look("pg_dump", dumped.stdout)
    with duckdb.connect(str(data_dir / "usage.duckdb"), read_only=True) as connection:
        tables = connection.execute("select table_name from information_schema.tables").fetchall()
        for (table,) in tables:
            aviary.look("usage records", repr(connection.execute(f'select * from "{table}"').fetchall()))


class Life:
    """What happens to the gateway."""

    def __init__(self, gateway: GatewayProcess, aviary: Aviary, *, is_shared: bool) -> None:
        """`is_shared`: other machines may use its database."""
        self.gateway, self.aviary, self.is_shared = gateway, aviary, is_shared

    def manage(self, mock: str) -> None:
        """Put in by API what can be put in there, well and badly."""
        provider = {"format": "openai_chat", "headers": {"x-team": SAID["header by API"]}}
        self.tell("POST", "/api/providers", {**provider, "id": "posted", "base_url": f"{mock}/v1"})
        proxy = f"http://us:{SAID['proxy password by API']}@127.0.0.1:1"
        self.tell("POST", "/api/providers", {**provider, "id": "proxied-by-api", "base_url": mock, "proxy": proxy})
        credential = {"provider": "posted", "name": "first", "api_key": SAID["provider key by API"]}
        self.tell("POST", "/api/credentials", credential)
        self.tell("POST", "/api/credentials", credential)
        self.tell("POST", "/api/credentials", {**credential, "api_key": SAID["provider key that was refused"]})
        far = {"provider": "proxied-by-api", "proxy": proxy, "headers": provider["headers"]}
        self.tell("POST", "/api/credentials", {**credential, **far})
        self.tell("PATCH", "/api/credentials/proxied-by-api/first", {"proxy": proxy.replace(":1", ":2")})
        self.tell("POST", "/api/credentials/posted/first/test", {"model": "gpt-4o-mini;tattle;status=401"})
        tried = {"provider": "posted", "api_key": SAID["provider key that was only tried"]}
        self.tell("POST", "/api/credentials/test", {**tried, "model": "gpt-4o-mini;tattle;status=401"})
        self.tell("POST", "/api/credentials/test", {**tried, "proxy": proxy, "headers": provider["headers"]})
        self.tell("PATCH", "/api/credentials/posted/first", {"api_key": SAID["provider key by API, changed"]})
        mail = {"host": "127.0.0.1", "port": 1, "security": "none", "user": "us", "sender": "a@example.com"}
        mail |= {"password": SAID["password of a mail server by API"]}
        for to in ([], ["b@example.com"]):
            self.tell("PUT", "/api/settings/alerts.email", {"value": {**mail, "to": to}})
        self.tell("POST", "/api/alerts/test", {})
        made = operator.tell(self.gateway.data_dir, "POST", "/api/keys", {"name": "laptop"})
        self.aviary.secrets["client key"] = made["secret"]
        again = operator.tell(self.gateway.data_dir, "POST", f"/api/keys/{made['key']['id']}/rotate")
        self.aviary.secrets["client key, rotated"] = again["secret"]
        owner = {"email": EMAIL, "role": "owner", "password": SAID["password"]}
        user = operator.tell(self.gateway.data_dir, "POST", "/api/users", owner)["user"]
        link = operator.tell(self.gateway.data_dir, "POST", f"/api/users/{user['id']}/password-link", {})
        self.aviary.secrets["password link"] = link["token"]

    def tell(self, method: Any, path: str, body: object) -> None:
        """A change of the operator; whatever is answered may be seen."""
        try:
            said = json.dumps(operator.tell(self.gateway.data_dir, method, path, body), ensure_ascii=False)
        except operator.NotAnswered as error:
            said = str(error)
        self.aviary.look(f"answer to {method} {path}", said)

    async def be_asked(self) -> None:
        """Requests of clients, most of which fail."""
        secrets = self.aviary.secrets
        for model, stream in (
            *((model, False) for model in MODELS),
            *((model, True) for model in (*MODELS, *STREAMED)),
        ):
            body = chat_body(model, stream=stream, user=SAID["prompt"])
            await self._hear(model, request("POST", "/v1/chat/completions", body, key=secrets["client key, rotated"]))
        unknown = request("POST", "/v1/chat/completions", chat_body("filed/m"), key=SAID["client key nobody knows"])
        await self._hear("an unknown key", unknown)
        await self._hear("a former key", request("GET", "/v1/models", key=secrets["client key"]))
        await self._hear(
            "a key of the file", request("GET", "/v1/models", key=SAID["client key in the configuration file"])
        )
        broken = f'{{"model": "filed/m", "messages": "{SAID["prompt that is no JSON"]}'.encode()
        await self._hear("no JSON", request("POST", "/v1/chat/completions", broken, key=secrets["client key, rotated"]))
        named = SAID["client key in an address"]
        for path in ("/v1/models", "/v1beta/models", "/api/me", "/login", "/nowhere"):
            await self._hear("an address", request("GET", f"{path}?key={named}", key=None))
        token, cookie = SAID["token of somebody else"], f"__Host-sluicegate={SAID['cookie of somebody else']}"
        for path in ("/v1/models", "/api/me", "/account"):
            await self._hear("another token", request("GET", path, key=token))
            await self._hear("another cookie", request("GET", path, key=None, cookie=cookie))

    async def _hear(self, what: str, data: bytes) -> None:
        with suppress(Cut, OSError):
            answer = await ask(self.gateway.port, data)
            self.aviary.look(f"answer to {what}", f"{answer.headers!r}")
            self.aviary.look(f"answer to {what}", answer.body)

    async def be_visited(self, there: OpenIdProcess) -> None:
        """People log in, well and badly, here and at the provider."""
        secrets, ann = self.aviary.secrets, Person(None, origin=self.gateway.url)
        for password in (SAID["password that is wrong"], SAID["password"]):
            answer = await ann.log_in(EMAIL, password)
            self.aviary.look("page after a login", answer.text)
        secrets["session cookie"] = next(value for name, value in ann.cookies.items() if name.endswith("sluicegate"))
        for path in ("/", "/account"):
            self.aviary.look(f"page {path}", (await ann.get(path)).text)
        cookie = "; ".join(f"{name}={value}" for name, value in ann.cookies.items())
        async with httpx.AsyncClient(base_url=self.gateway.url, trust_env=False) as browser:
            headers = {"cookie": cookie, "origin": self.gateway.url, "sec-fetch-site": "same-origin"}
            changed = {"current_password": SAID["password"], "password": SAID["password, changed"]}
            done = await browser.post("/api/me/password", headers=headers, json=changed)
            self.aviary.look("answer to a change of password", done.text)
            made = await browser.post("/api/tokens", headers=headers, json={"name": "ci", "scopes": ["audit:read"]})
            assert made.status_code == 201, made.text
            secrets["API token"] = made.json()["secret"]
            bearer = {"authorization": f"Bearer {secrets['API token']}"}
            self.aviary.look("with a token", (await browser.get("/api/audit", headers=bearer)).text)
        await self._come_back(there)

    async def _come_back(self, there: OpenIdProcess) -> None:
        ada = Person(None, origin=self.gateway.url)
        await ada.get("/login")
        going = await ada.submit("/login/corp")
        url = await asyncio.to_thread(there.log_in, going.going_to, "ada")
        self.aviary.secrets["OpenID code"] = query_of(url)["code"]
        self.aviary.secrets["OpenID state"] = query_of(url)["state"]
        path = url.removeprefix(self.gateway.url)
        for _ in range(2):
            self.aviary.look("page after a login elsewhere", (await ada.get(path)).text)

    def be_looked_at(self) -> None:
        """Everything an owner can read, the metrics, and the processes."""
        names = {"id": "posted", "provider": "posted", "name": "first", "path": "network.allow", "model": "x"}
        for operation in OPERATIONS:
            if operation.method != "GET" or operation.path.startswith("/api/live"):  # which never ends
                continue
            path = re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], "x"), operation.path)
            with suppress(operator.NotAnswered):
                self.aviary.look(f"answer to GET {path}", json.dumps(operator.ask(self.gateway.data_dir, path, {})))
        with httpx.Client(trust_env=False) as client:
            self.aviary.look("/metrics", client.get(f"{self.gateway.url}/metrics").text)
        pids = [self.gateway.process.pid, *children_of(self.gateway.process.pid)]
        self.aviary.look("command lines", "\n".join(map(command_of, pids)))
        token = (self.gateway.data_dir / "run" / "operator.token").read_text().strip()
        self.aviary.secrets["operator token"] = token

    def be_read(self) -> None:
        """What was said in requests; prompts alone are there to be read."""
        data_dir = self.gateway.data_dir
        for path in sorted(folder_of(data_dir).rglob("*.cap")):
            shown = json.dumps(operator.ask(data_dir, f"/api/usage/{path.stem}/bodies", {}), ensure_ascii=False)
            for name in PROMPTS:
                shown = shown.replace(SAID[name], "")
            self.aviary.look("captured bodies", shown)

    def be_commanded(self, directory: Path) -> None:
        """Backup, exports and the other commands."""
        place: tuple[str | Path, ...] = ("--config", self.gateway.config, "--data-dir", self.gateway.data_dir)
        (directory / "passphrase").write_text(SAID["passphrase of an export"])
        # On a database that machines may share, the key is not replaced while one of them runs.
        for words in (each for each in WORDS if not (self.is_shared and each == ("rotate-key",))):
            said = [str(directory / word.removeprefix("@")) if word.startswith("@") else word for word in words]
            done = call(*said, *(place if words != ("check",) else place[:2]))
            assert done.exit_code == 0, done.output
            self.aviary.look(f"command {words[0]}", done.output)
        for name in ("a.backup", "plain.json", "sealed.json"):
            self.aviary.look(name, (directory / name).read_bytes())
        self._open(directory / "a.backup")

    def _open(self, path: Path) -> None:
        unpacked = path.with_suffix(".unpacked")
        shutil.unpack_archive(path, unpacked, "zip")
        for part in unpacked.rglob("*.*"):
            self.aviary.look(f"backup: {part.name}", part.read_bytes())


WORDS = (
    ("backup", "@a.backup"),
    ("export", "--output", "@plain.json"),
    ("export", "--passphrase-file", "@passphrase", "--output", "@sealed.json"),
    ("rotate-key",),
    ("keys", "list"),
    ("user", "list"),
    ("migrate", "--check"),
    ("usage",),
    ("check",),
)
"""Commands; what begins with @ is a file beside the data directory."""
