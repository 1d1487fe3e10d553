"""A bucket of S3, or of what speaks its API: files by name, got and put whole and yet in pieces. The one home of the
library, which comes with the extra `s3`; import it where a bucket is wanted.

Knows addresses, access keys, retries, and how much of a file is in memory. Does not know what files are for. Nothing it
says shows a secret.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from gateway.settings.addresses import leads_here
from gateway.settings.buckets import endpoint_of, split_bucket, stands_in_path
from gateway.settings.model import BucketSettings, UpstreamSettings

from .proxy import resolve_proxy

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Credential

PART_BYTES = 8 * 1024 * 1024
"""Of a larger file so much is sent in one request."""

PARTS_AT_ONCE = 2
"""These are in memory."""

CHUNK_BYTES = 1024 * 1024
"""Of what is got, so much is written at once."""

REQUEST_SECONDS = 300
"""How long one request may take, with all that it sends or gets."""

SILENCE_SECONDS = 60
"""Longest silence of an answer."""

RETRIES: RetryConfig = {
    "max_retries": 5,
    "retry_timeout": timedelta(minutes=5),
    "backoff": {"init_backoff": timedelta(milliseconds=500), "max_backoff": timedelta(seconds=15), "base": 2},
}
"""After a lost connection, a 429, or a server's error such as `SlowDown`."""

MARK = "sha256"
"""What is kept with a file: a sum of its content, in hexadecimal."""

LONGEST_MESSAGE = 400

NOBODY = "*,0.0.0.0/0,::/0"
"""As NO_PROXY has it: neither for names nor for addresses."""

MACHINE = "169.254.0.0/16"
"""Where the role of a container or a machine is asked for, which no proxy reaches."""

CAUSE = re.compile(r'(?:error|message): "([^"]+)"|InvalidCertificate\(\s*(\w+)|kind: (Timeout)')
"""Why nothing came of a request, in what the library writes for its own developers."""

T = TypeVar("T")


class BucketAway(Exception):
    """Why something could not be done in a bucket, in one line."""


class Kept(NamedTuple):
    """A file in the bucket."""

    size: int
    tag: str
    """It changes with the content."""


class Bucket:
    """The files of one bucket whose names begin with one prefix. Every method raises BucketAway."""

    def __init__(self, said: BucketSettings, upstream: UpstreamSettings) -> None:
        self.place = said.url
        with self._telling():
            self._store = _open(said, upstream)

    async def list(self) -> Mapping[str, Kept]:
        """Every file, by its name."""
        found: dict[str, Kept] = {}
        with self._telling():
            async for page in obstore.list(self._store):
                for each in page:
                    tag = each["e_tag"] or each["last_modified"].isoformat()
                    found[each["path"]] = Kept(each["size"], tag)
        return found

    async def mark(self, name: str) -> str:
        """The sum that is kept with a file; empty where there is none."""
        answer = await self._asked(obstore.get_async(self._store, name, options={"head": True}))
        return answer.attributes.get(MARK, "")

    async def put(self, name: str, file: BufferedReader, mark: str) -> None:
        """Have a file be what this one is, from its beginning: all of it or nothing."""
        await self._asked(
            obstore.put_async(
                self._store,
                name,
                file,
                attributes={MARK: mark, "Content-Type": "application/vnd.apache.parquet"},
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
        )

    async def get(self, name: str, path: Path) -> None:
        """Have the content of a file in one of this machine."""
        with await asyncio.to_thread(path.open, "wb") as file, self._telling():
            answer = await obstore.get_async(self._store, name)
            async for chunk in answer.stream(min_chunk_size=CHUNK_BYTES):
                await asyncio.to_thread(file.write, chunk)

    async def delete(self, names: Collection[str]) -> None:
        """Have files be there no more; one that is not does no harm."""
        if names:
            await self._asked(obstore.delete_async(self._store, list(names)))

    async def _asked(self, answer: Awaitable[T]) -> T:
        with self._telling():
            return await answer

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What goes wrong is said in one line: the library adds pages for its own developers."""
        try:
            yield
        except (BaseError, FileNotFoundError, ValueError) as error:
            raise BucketAway(f"{self.place}: {_said(str(error))}") from None


def _said(text: str) -> str:
    head, _, rest = text.partition("\n\n")
    causes = [next(filter(None, found)) for found in CAUSE.findall(rest)]
    return " ".join(f"{head}{f': {causes[-1]}' if causes else ''}".split())[:LONGEST_MESSAGE]


def _open(said: BucketSettings, upstream: UpstreamSettings) -> S3Store:
    """The bucket in the library's terms. What settings say goes before whatever the environment has of AWS."""
    name, prefix = split_bucket(said.url)
    config: S3Config = {
        "aws_endpoint_url_s3": endpoint_of(said),
        "region": said.region,
        "virtual_hosted_style_request": not stands_in_path(said),
        "skip_signature": False,
        "unsigned_payload": False,
        "disable_bulk_delete": True,  # not all who speak the API know it
    }
    return S3Store(
        name,
        prefix=prefix or None,
        config=config,
        client_options=_client(said, upstream),
        retry_config=RETRIES,
        credential_provider=_Key(said) if said.access_key_id else None,
    )


class _Key:
    """An access key that does not end. Without it the library asks environment and machine, as AWS has it."""

    def __init__(self, said: BucketSettings) -> None:
        self._said = said

    def __call__(self) -> S3Credential:
        key = self._said
        return {"access_key_id": key.access_key_id, "secret_access_key": key.secret_access_key, "expires_at": None}


def _client(said: BucketSettings, upstream: UpstreamSettings) -> ClientConfig:
    options: ClientConfig = {
        "allow_http": said.allow_http,
        "connect_timeout": timedelta(seconds=upstream.connect_timeout_seconds),
        "read_timeout": timedelta(seconds=SILENCE_SECONDS),
        "timeout": timedelta(seconds=REQUEST_SECONDS),
        **_proxy(endpoint_of(said), upstream.proxy),
    }
    if upstream.ca_file:
        options["root_certificate"] = Path(upstream.ca_file).read_bytes()
    return options


def _proxy(url: str, configured: str) -> ClientConfig:
    """Through which proxy. To none is said by one that is for nobody: else the library asks the environment itself."""
    here = leads_here(urlsplit(url).hostname or "")
    if proxy := resolve_proxy(url, "none" if here else configured):
        return {"proxy_url": proxy, "proxy_excludes": MACHINE}
    return {"proxy_url": "http://127.0.0.1:9", "proxy_excludes": NOBODY}
