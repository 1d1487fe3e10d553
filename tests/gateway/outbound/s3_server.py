"""A bucket that answers over real sockets as S3 does, and believes nobody whose signature it cannot make itself.

Signatures: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

KEY_ID, SECRET, REGION, BUCKET = "AKIDEXAMPLE", "canary/of+the=secret", "eu-central-1", "usage-records"

LEAST_PART = 5 * 1024 * 1024
"""S3 refuses smaller parts, but for the last."""


class Kept(NamedTuple):
    """An object."""

    body: bytes
    tag: str
    about: Mapping[str, str]
    """Headers that come back with it."""


class Asked(NamedTuple):
    """A request that was answered."""

    method: str
    key: str
    query: Mapping[str, str]


Trouble = Callable[["Request", Asked], bool]
"""Answers a request otherwise, and says whether it did."""


@dataclass
class Shop:
    """What the server has, and what it was asked."""

    objects: dict[str, Kept] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    abouts: dict[str, Mapping[str, str]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    """Each is for one request that it wants."""
    page: int = 1000
    """Objects in one answer."""
    url: str = ""

    def methods(self) -> list[str]:
        return [one.method for one in self.asked]

    def put(self, key: str, body: bytes, about: Mapping[str, str]) -> str:
        tag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        self.objects[key] = Kept(body, tag, about)
        return tag


@contextmanager
def serving() -> Iterator[Shop]:
    """A bucket, for as long as it is wanted."""
    shop = Shop()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Request,), {"shop": shop, "numbers": count(1)}))
    server.daemon_threads = True
    shop.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Request(BaseHTTPRequestHandler):
    """One request, and what is answered."""

    protocol_version = "HTTP/1.1"
    shop: Shop
    numbers: Iterator[int]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # its name there
        """Tests say nothing."""

    def do(self) -> None:
        parts = urlsplit(self.path)
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.body = self.rfile.read(int(self.headers.get("content-length") or 0))
        bucket, _, key = unquote(parts.path).removeprefix("/").partition("/")
        if refused := self.refused(parts.path):
            return self.answer_error(403, *refused)
        if bucket != BUCKET:
            return self.answer_error(404, "NoSuchBucket", bucket)
        asked = Asked(self.command, key, self.query)
        for place, trouble in enumerate(list(self.shop.troubles)):
            # Taken first: whoever had it asks again before this returns.
            self.shop.troubles.remove(trouble)
            if trouble(self, asked):
                return None
            self.shop.troubles.insert(place, trouble)
        self.shop.asked.append(asked)
        return getattr(self, f"answer_{self.command.lower()}")(key)  # type: ignore[no-any-return]

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do  # noqa: N815 # their names there

    # Whom to believe

    def refused(self, path: str) -> tuple[str, str] | None:
        """Why the signature is none; None where it is what we would have made."""
        said = self.headers.get("authorization", "")
        scheme, _, rest = said.partition(" ")
        fields = dict(each.strip().split("=", 1) for each in rest.split(",")) if rest else {}
        if scheme != "AWS4-HMAC-SHA256" or not {"Credential", "SignedHeaders", "Signature"} <= fields.keys():
            return "AccessDenied", "not signed"
        key_id, *scope = fields["Credential"].split("/")
        stamp = self.headers["x-amz-date"]
        if key_id != KEY_ID or scope != [stamp[:8], REGION, "s3", "aws4_request"]:
            return "InvalidAccessKeyId", f"{key_id} {scope}"
        payload = self.headers["x-amz-content-sha256"]
        if payload != hashlib.sha256(self.body).hexdigest():
            return "XAmzContentSHA256Mismatch", payload
        names = fields["SignedHeaders"].split(";")
        ours = {name.lower() for name in self.headers if name.lower().startswith("x-amz-")} | {"host"}
        if not ours <= set(names):
            return "AccessDenied", f"not signed: {ours - set(names)}"
        wanted = self.signature(path, names, payload, scope)
        return None if hmac.compare_digest(wanted, fields["Signature"]) else ("SignatureDoesNotMatch", wanted)

    def signature(self, path: str, names: list[str], payload: str, scope: list[str]) -> str:
        query = "&".join(
            f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(self.query.items())
        )
        headers = "".join(f"{name}:{' '.join(self.headers[name].split())}\n" for name in names)
        canonical = "\n".join(
            (self.command, quote(unquote(path), safe="/-_.~"), query, headers, ";".join(names), payload)
        )
        stamp = self.headers["x-amz-date"]
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join(("AWS4-HMAC-SHA256", stamp, "/".join(scope), digest))
        key = f"AWS4{SECRET}".encode()
        for part in scope:
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()

    # What is answered

    def answer_get(self, key: str) -> None:
        if not key:
            return self.answer_list()
        if (kept := self.shop.objects.get(key)) is None:
            return self.answer_error(404, "NoSuchKey", key)
        since, until, status = 0, len(kept.body), 200
        if ranged := self.headers.get("range"):
            first, _, last = ranged.removeprefix("bytes=").partition("-")
            since, until, status = int(first), int(last) + 1 if last else until, 206
        place = {"content-range": f"bytes {since}-{until - 1}/{len(kept.body)}"} if ranged else {}
        return self.answer(status, kept.body[since:until], {**self.told(kept), **place})

    def answer_head(self, key: str) -> None:
        if (kept := self.shop.objects.get(key)) is None:
            return self.answer(404)
        return self.answer(200, headers={**self.told(kept), "content-length": str(len(kept.body))})

    def answer_put(self, key: str) -> None:
        if upload := self.query.get("uploadId"):
            self.shop.uploads[upload][int(self.query["partNumber"])] = self.body
            return self.answer(200, headers={"etag": f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'})
        return self.answer(200, headers={"etag": self.shop.put(key, self.body, self.about())})

    def answer_post(self, key: str) -> None:
        if "uploads" in self.query:
            upload = f"upload-{next(self.numbers)}"
            self.shop.uploads[upload], self.shop.abouts[upload] = {}, self.about()
            return self.answer_xml("InitiateMultipartUploadResult", f"<Key>{key}</Key><UploadId>{upload}</UploadId>")
        parts = [body for _, body in sorted(self.shop.uploads.pop(self.query["uploadId"]).items())]
        if any(len(part) < LEAST_PART for part in parts[:-1]):
            return self.answer_error(400, "EntityTooSmall", str([len(part) for part in parts]))
        tag = self.shop.put(key, b"".join(parts), self.shop.abouts.pop(self.query["uploadId"]))
        return self.answer_xml("CompleteMultipartUploadResult", f"<ETag>{escape(tag)}</ETag>")

    def answer_delete(self, key: str) -> None:
        if upload := self.query.get("uploadId"):
            self.shop.uploads.pop(upload, None)
        else:
            self.shop.objects.pop(key, None)
        return self.answer(204)

    def answer_list(self) -> None:
        assert self.query["list-type"] == "2"
        after = self.query.get("continuation-token", "")
        keys = sorted(key for key in self.shop.objects if key.startswith(self.query["prefix"]) and key > after)
        page = keys[: self.shop.page]
        contents = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-03-02T00:00:00.000Z</LastModified>"
            f"<ETag>{escape(self.shop.objects[key].tag)}</ETag><Size>{len(self.shop.objects[key].body)}</Size></Contents>"
            for key in page
        )
        more = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if len(keys) > len(page) else ""
        self.answer_xml("ListBucketResult", f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}{contents}")

    def about(self) -> Mapping[str, str]:
        return {
            name: self.headers[name]
            for name in self.headers
            if name.lower().startswith("x-amz-meta-") or name.lower() == "content-type"
        }

    @staticmethod
    def told(kept: Kept) -> Mapping[str, str]:
        return {"etag": kept.tag, "last-modified": "Mon, 02 Mar 2026 00:00:00 GMT", **kept.about}

    def answer_error(self, status: int, code: str, message: str) -> None:
        self.answer_xml("Error", f"<Code>{code}</Code><Message>{escape(message)}</Message>", status)

    def answer_xml(self, name: str, inside: str, status: int = 200) -> None:
        body = f'<?xml version="1.0" encoding="UTF-8"?><{name}>{inside}</{name}>'.encode()
        self.answer(status, body, {"content-type": "application/xml"})

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        told = {"content-length": str(len(body)), **(headers or {})}
        self.send_response(status)
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def failing(method: str, status: int, code: str) -> Trouble:
    """One request with this method is refused."""

    def trouble(request: Request, asked: Asked) -> bool:
        if asked.method == method:
            request.answer_error(status, code, "no")
        return asked.method == method

    return trouble


def cutting(method: str, kept: int) -> Trouble:
    """Of one answer to this method so many bytes of the body are sent, and then the connection is closed."""

    def trouble(request: Request, asked: Asked) -> bool:
        if asked.method != method or not asked.key:
            return False
        found = request.shop.objects.get(asked.key)
        body = b"" if found is None or method != "GET" else found.body
        if body:
            told = {**request.told(found), "content-length": str(len(body))} if found else {}
            request.send_response(200)
            for name, value in told.items():
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(body[:kept])
        request.close_connection = True
        request.connection.shutdown(2)
        return True

    return trouble
