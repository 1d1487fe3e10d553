"""The bucket that the archive is copied to, as it is said."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gateway.errors import SettingsError
from gateway.settings.buckets import endpoint_of, split_bucket, stands_in_path
from gateway.settings.load import find_files, find_state, load
from gateway.settings.model import BucketSettings, Settings
from gateway.settings.remarks import warnings
from gateway.settings.shape import Wrong
from gateway.settings.stored import VALUE, find_setting, part

BUCKET = '[usage.bucket]\nurl = "s3://records/team-a"\naccess_key_id = "AKID"\n'
LOCAL = BUCKET + 'secret_access_key = "canary"\nendpoint = "{}"\n'


def loaded(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    path = tmp_path / "a.toml"
    path.write_text(text)
    return load(path, environ or {})


def test_as_it_comes_nothing_is_copied(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").usage.bucket == BucketSettings()


def test_the_secret_comes_from_wherever_secrets_do_and_nobody_sees_it(tmp_path: Path) -> None:
    (tmp_path / "said").write_text("canary\n")
    for how in ('secret_access_key = "canary"', 'secret_access_key_env = "V"', 'secret_access_key_file = "said"'):
        settings = loaded(tmp_path, f"{BUCKET}{how}\n", {"V": "canary"})
        assert settings.usage.bucket.secret_access_key == "canary"
        assert "canary" not in repr(settings)
    assert tmp_path / "said" in find_files(tmp_path / "a.toml", {}), "it is watched as well"


def test_who_needs_no_bucket_needs_no_secret_of_it(tmp_path: Path) -> None:
    path, authorities = tmp_path / "a.toml", tmp_path / "ca.pem"
    authorities.touch()
    path.write_text(f'{BUCKET}secret_access_key_env = "V"\n[upstream]\nca_file = "ca.pem"\n')
    assert find_state(path, {}).usage.bucket == BucketSettings()
    with pytest.raises(SettingsError, match="the environment variable V is not set"):
        find_state(path, {}, bucket=True)
    found = find_state(path, {"V": "canary"}, bucket=True)
    assert (found.usage.bucket.secret_access_key, found.upstream.ca_file) == ("canary", str(authorities))


def test_by_api_it_is_shown_without_its_secret_and_not_changed() -> None:
    said = BucketSettings(url="s3://records", access_key_id="AKID", secret_access_key="canary")
    plain, secrets = part("setting", "usage.bucket", {VALUE: msgspec.to_builtins(said)})
    assert (plain[VALUE]["url"], plain[VALUE]["access_key_id"]) == ("s3://records", "AKID")
    assert "canary" not in repr(plain)
    assert secrets == {"value.secret_access_key": "canary"}
    with pytest.raises(Wrong, match="for the configuration file alone: it says where usage records are sent"):
        find_setting("usage.bucket")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[usage.bucket]\naccess_key_id = "AKID"\n', "usage.bucket.url: `url` is missing"),
        (LOCAL.format("minio:9000"), "usage.bucket.endpoint: expected an http:// or https:// address"),
        (LOCAL.format("http://127.0.0.1:9000"), "usage.bucket.endpoint: expected an https:// address"),
        (LOCAL.format("https://us:canary@minio"), "usage.bucket.endpoint: an address holds no user name or password"),
        (BUCKET, "usage.bucket: an `access_key_id` has a `secret_access_key`"),
        (f'[usage]\narchive = ""\n{LOCAL.format("")}', "usage.bucket: what is copied are the files of the archive"),
        (BUCKET.replace("s3://records", "records"), "usage.bucket.url: expected s3://bucket/prefix"),
        (BUCKET + 'region = ""\n', "usage.bucket.region: expected letters, digits"),
        (BUCKET + "days = -1\n", "usage.bucket.days: "),
    ],
)
def test_what_cannot_be_is_named(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as told:
        loaded(tmp_path, text)
    assert words in str(told.value)
    assert "canary" not in str(told.value)


@pytest.mark.parametrize(("host", "is_told"), [("127.0.0.1", False), ("minio", True)])
def test_what_can_be_read_on_the_way_is_told(host: str, is_told: bool, tmp_path: Path) -> None:
    settings = loaded(tmp_path, LOCAL.format(f"http://{host}:9000") + "allow_http = true\n")
    assert any(line.startswith("usage.bucket.allow_http:") for line in warnings(settings)) is is_told


@pytest.mark.parametrize(
    ("url", "parts"),
    [("s3://abc", ("abc", "")), ("s3://abc/", ("abc", "")), ("s3://a.b.c/x=1/y_z/", ("a.b.c", "x=1/y_z"))],
)
def test_a_bucket_has_a_name_and_perhaps_a_prefix(url: str, parts: tuple[str, str]) -> None:
    assert split_bucket(url) == parts


@pytest.mark.parametrize(
    "url",
    ["", "s3:///x", "s3://ab", "s3://ABC", "gs://abc", "s3://abc//x", "s3://abc/a/../b", "s3://abc/a b", "s3://abc?x"],
)
def test_anything_else_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="expected s3://bucket/prefix"):
        split_bucket(url)


@pytest.mark.parametrize(
    ("said", "address", "in_path"),
    [
        (BucketSettings(url="s3://abc", region="eu-west-1"), "https://abc.s3.eu-west-1.amazonaws.com", False),
        (BucketSettings(url="s3://a.bc/x"), "https://s3.us-east-1.amazonaws.com", True),
        (BucketSettings(url="s3://abc", endpoint="https://minio:9000/"), "https://minio:9000", True),
    ],
)
def test_where_a_bucket_is(said: BucketSettings, address: str, in_path: bool) -> None:
    assert (endpoint_of(said), stands_in_path(said)) == (address, in_path)
