"""Files on their way to a bucket and back, over real sockets to a server that verifies signatures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.outbound import bucket as module
from gateway.outbound.bucket import PART_BYTES, Bucket, BucketAway
from gateway.settings.model import BucketSettings, UpstreamSettings
from tests.gateway.outbound.s3_server import BUCKET, KEY_ID, REGION, SECRET, Shop, cutting, failing, serving

NAME = "date=2026-03-01.parquet"
KEY = f"team-a/{NAME}"

pytestmark = pytest.mark.usefixtures("_impatient")


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = {"init_backoff": timedelta(milliseconds=1), "max_backoff": timedelta(milliseconds=5), "base": 2}
    monkeypatch.setattr(module, "RETRIES", {"max_retries": 2, "retry_timeout": timedelta(seconds=20), "backoff": quick})
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of somebody else")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with serving() as made:
        yield made


def opened(shop: Shop, key_id: str = KEY_ID, secret: str = SECRET) -> Bucket:
    said = BucketSettings(
        url=f"s3://{BUCKET}/team-a",
        endpoint=shop.url,
        region=REGION,
        access_key_id=key_id,
        secret_access_key=secret,
        allow_http=True,
    )
    return Bucket(said, UpstreamSettings(proxy="http://127.0.0.1:1"))


async def put(bucket: Bucket, path: Path, content: bytes) -> str:
    path.write_bytes(content)  # noqa: ASYNC240 # nobody waits
    mark = hashlib.sha256(content).hexdigest()
    with path.open("rb") as file:
        await bucket.put(NAME, file, mark)
    return mark


async def test_a_file_goes_there_and_comes_back(shop: Shop, tmp_path: Path) -> None:
    bucket = opened(shop)
    mark = await put(bucket, tmp_path / "there", b"records")
    kept = shop.objects[KEY]
    assert kept.body == b"records"
    assert kept.about["content-type"] == "application/vnd.apache.parquet"
    assert await bucket.mark(NAME) == mark
    assert await bucket.list() == {NAME: (7, kept.tag)}
    await bucket.get(NAME, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"records"
    await bucket.delete([NAME])
    await bucket.delete([])
    assert shop.objects == {}
    assert shop.methods() == ["PUT", "HEAD", "GET", "GET", "DELETE"]


async def test_a_large_file_goes_in_parts_and_any_number_is_listed(shop: Shop, tmp_path: Path) -> None:
    bucket, content = opened(shop), b"0123456789abcdef" * (PART_BYTES // 16) * 2 + b"the rest"
    mark = await put(bucket, tmp_path / "there", content)
    assert shop.objects[KEY].body == content
    assert (await bucket.mark(NAME), shop.uploads) == (mark, {})
    assert sorted(one.query["partNumber"] for one in shop.asked if "partNumber" in one.query) == ["1", "2", "3"]
    for key in (f"team-a/{number}" for number in range(4)):
        shop.put(key, b"x", {})
    shop.put("team-abc/other", b"x", {})
    shop.page = 2
    assert sorted(await bucket.list()) == ["0", "1", "2", "3", NAME]


async def test_what_may_pass_is_tried_again(shop: Shop, tmp_path: Path) -> None:
    bucket = opened(shop)
    shop.troubles += [failing("PUT", 503, "SlowDown"), cutting("PUT", 0)]
    await put(bucket, tmp_path / "there", b"records" * 100_000)
    shop.troubles += [cutting("GET", 1000)]
    await bucket.get(NAME, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"records" * 100_000
    assert shop.troubles == []


async def test_what_does_not_pass_is_told_in_a_line(shop: Shop, tmp_path: Path) -> None:
    shop.troubles += [failing("PUT", 503, "SlowDown") for _ in range(3)]
    with pytest.raises(BucketAway, match=rf"^s3://{BUCKET}/team-a: .*SlowDown"):
        await put(opened(shop), tmp_path / "there", b"records")
    with pytest.raises(BucketAway, match="SignatureDoesNotMatch") as told:
        await put(opened(shop, secret="canary"), tmp_path / "there", b"records")
    assert "\n" not in str(told.value)
    assert "canary" not in str(told.value)
    with pytest.raises(BucketAway, match="404"):
        await opened(shop).mark(NAME)
    assert shop.objects == {}


async def test_a_part_that_fails_leaves_the_file_that_was(shop: Shop, tmp_path: Path) -> None:
    bucket = opened(shop)
    await put(bucket, tmp_path / "there", b"records")
    shop.troubles += [failing("PUT", 403, "AccessDenied")]
    with pytest.raises(BucketAway, match="AccessDenied"):
        await put(bucket, tmp_path / "there", bytes(PART_BYTES + 1))
    assert shop.objects[KEY].body == b"records"
    assert shop.uploads == {}, "what had come of it is gone"


async def test_without_a_key_the_environment_is_asked(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    await put(opened(shop, key_id="", secret=""), tmp_path / "there", b"records")
    assert KEY in shop.objects
