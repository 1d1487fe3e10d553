"""The bucket that the archive is copied to, as settings say it: which one, where, and whether it can be one.

Knows how addresses are written. Asks nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.settings.addresses import check_url, leads_here
from gateway.settings.model import BucketSettings, Settings
from gateway.settings.shape import Wrong

PLACE = ("usage", "bucket")

AWS = "s3.{region}.amazonaws.com"

_URL = re.compile(r"s3://(?P<name>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[A-Za-z0-9._=/-]*))?")


def split_bucket(url: str) -> tuple[str, str]:
    """Name of the bucket and prefix, without a slash at its end, of an `s3://bucket/prefix`. Raises ValueError, with a
    text to show, for anything else."""
    found = _URL.fullmatch(url)
    prefix = ((found["prefix"] or "") if found else "").removesuffix("/")
    if not found or (prefix and not {"", ".", ".."}.isdisjoint(prefix.split("/"))):
        raise ValueError("expected s3://bucket/prefix: the prefix has letters, digits and `._=-` between its slashes")
    return found["name"], prefix


def stands_in_path(bucket: BucketSettings) -> bool:
    """Whether the name of the bucket is a part of the path, not of the host: a certificate covers no name with dots."""
    return bool(bucket.endpoint) or "." in split_bucket(bucket.url)[0]


def endpoint_of(bucket: BucketSettings) -> str:
    """The address that requests go to. Raises ValueError where the bucket has none."""
    if bucket.endpoint:
        return bucket.endpoint.rstrip("/")
    host = AWS.format(region=bucket.region)
    return f"https://{host}" if stands_in_path(bucket) else f"https://{split_bucket(bucket.url)[0]}.{host}"


def bucket_can_be_filled(settings: Settings) -> Iterator[Wrong]:
    """There may be such a bucket at such an address, with files to copy to it; what is sent is not read on the way
    unless that is wanted."""
    bucket = settings.usage.bucket
    if not bucket.url:
        if bucket != BucketSettings():
            yield Wrong((*PLACE, "url"), "`url` is missing: the bucket, as s3://bucket/prefix")
        return
    yield from _wrong_address(bucket)
    if bool(bucket.access_key_id) != bool(bucket.secret_access_key):
        yield Wrong(PLACE, "an `access_key_id` has a `secret_access_key`, and a secret an id")
    if not settings.usage.archive:
        yield Wrong(PLACE, "what is copied are the files of the archive, and `usage.archive` is empty")


def bucket_can_be_read_on_the_way(settings: Settings) -> Iterator[str]:
    """Usage records on a network, as anybody can read them."""
    parts = urlsplit(settings.usage.bucket.endpoint)
    if parts.scheme == "http" and not leads_here(parts.hostname or ""):
        yield "usage.bucket.allow_http: usage records on their way to the bucket can be read by anybody on it"


def _wrong_address(bucket: BucketSettings) -> Iterator[Wrong]:
    try:
        split_bucket(bucket.url)
    except ValueError as error:
        yield Wrong((*PLACE, "url"), str(error))
    if not bucket.endpoint:
        return
    try:
        check_url(bucket.endpoint)
    except ValueError as error:
        yield Wrong((*PLACE, "endpoint"), str(error))
    if urlsplit(bucket.endpoint).scheme == "http" and not bucket.allow_http:
        yield Wrong((*PLACE, "endpoint"), "expected an https:// address; within a network of your own say `allow_http`")
