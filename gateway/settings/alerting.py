"""What is told to whom when something is wrong, as types: as in `model`, every field carries its own documentation."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta

from gateway.settings.section import Identifier, NonNegativeSeconds, Section

AlertKind = Literal["budget", "credential", "errors", "prices", "records", "disk"]
"""What an alert is about."""

ALERT_KINDS: tuple[AlertKind, ...] = get_args(AlertKind)

HookFormat = Literal["json", "slack"]
MailSecurity = Literal["starttls", "tls", "none"]

Address = Annotated[str, Meta(min_length=3, max_length=254)]
Percents = Annotated[tuple[Annotated[int, Meta(ge=1, le=1000)], ...], Meta(max_length=8)]
Shares = Annotated[tuple[Annotated[int, Meta(ge=1, le=100)], ...], Meta(max_length=8)]


class WebhookSettings(Section, frozen=True):
    """An address that is told by POST."""

    secrets = frozenset({"url", "secret"})

    name: Annotated[Identifier, Meta(description="Name of it in lists and logs; unique.")]
    url: Annotated[str, Meta(max_length=2000, description="Address that is told. It is taken for a secret, as that of a chat's hook is one. Or `url_env` or `url_file`.")] = ""
    url_env: Annotated[str, Meta(description="Environment variable that holds the address.")] = ""
    url_file: Annotated[str, Meta(description="File that holds the address; a relative path starts at the configuration file.")] = ""
    secret: Annotated[str, Meta(max_length=1024, description="Key of the signature in `x-sluicegate-signature` (HMAC-SHA256); none where it is empty. Prefer `secret_env` or `secret_file`.")] = ""
    secret_env: Annotated[str, Meta(description="Environment variable that holds the key.")] = ""
    secret_file: Annotated[str, Meta(description="File that holds the key; a relative path starts at the configuration file.")] = ""
    format: Annotated[HookFormat, Meta(description="`json` says everything in fields; `slack` is a text, as Slack, Mattermost and others take it.")] = "json"
    kinds: Annotated[tuple[AlertKind, ...], Meta(description="Kinds of alerts it is told; empty for all.")] = ()


class EmailSettings(Section, frozen=True):
    """The mail server by which alerts are sent, and to whom. Without a `host` no mail is sent."""

    secrets = frozenset({"password"})

    host: Annotated[str, Meta(max_length=253, description="Name or address of the SMTP server.")] = ""
    port: Annotated[int, Meta(ge=1, le=65535, description="Its port: 587 is usual with `starttls`, 465 with `tls`, 25 within a network.")] = 587
    security: Annotated[MailSecurity, Meta(description="`starttls` turns to TLS before anything is said, `tls` begins with it; certificates are verified. `none` can be read on the way.")] = "starttls"
    user: Annotated[str, Meta(max_length=320, description="Name to log in with; empty where the server asks for none.")] = ""
    password: Annotated[str, Meta(max_length=1024, description="Password to log in with. Prefer `password_env` or `password_file`.")] = ""
    password_env: Annotated[str, Meta(description="Environment variable that holds the password.")] = ""
    password_file: Annotated[str, Meta(description="File that holds the password; a relative path starts at the configuration file.")] = ""
    sender: Annotated[str, Meta(max_length=254, description="E-mail address that mails are from.")] = ""
    to: Annotated[tuple[Address, ...], Meta(max_length=50, description="E-mail addresses that are told.")] = ()
    kinds: Annotated[tuple[AlertKind, ...], Meta(description="Kinds of alerts that are told; empty for all.")] = ()


class AlertSettings(Section, frozen=True):
    """When somebody is told that something is wrong. What is open is listed in any case; it is told where there are webhooks, or a mail server."""

    budget_percent: Annotated[Percents, Meta(description="Shares of a budget, or of a quota of a month, that are told when so much is used; none switches it off. The last is critical.")] = (80, 100)
    credential_minutes: Annotated[NonNegativeSeconds, Meta(description="How long a credential may be refused by its provider, and rest for it, until that is told; 0 for never.")] = 15.0
    error_percent: Annotated[float, Meta(ge=0, le=100, description="Share of requests that fail, of a provider or of all, from which it is told; 0 for never. What a client is itself to blame for does not count.")] = 20.0
    error_minutes: Annotated[float, Meta(ge=1, le=1440, description="Over how long failures are counted.")] = 10.0
    error_requests: Annotated[int, Meta(ge=1, description="Fewer requests in that time tell nothing.")] = 20
    price_hours: Annotated[NonNegativeSeconds, Meta(description="How old the price list may be where it cannot be fetched; 0 for any age.")] = 72.0
    doubted_prices: Annotated[bool, Meta(description="Whether it is told that new prices are not believed.")] = True
    record_minutes: Annotated[NonNegativeSeconds, Meta(description="How long usage records may wait for the analytics store; 0 for ever. That the spool is nearly full is told as well.")] = 10.0
    disk_percent: Annotated[Shares, Meta(description="Shares of the disk of the data directory that are told when they are used; none switches it off. The last is critical.")] = (90, 97)
    calm_minutes: Annotated[NonNegativeSeconds, Meta(description="How long something must be well again before that is believed.")] = 5.0
    repeat_hours: Annotated[NonNegativeSeconds, Meta(description="How often it is told again while it lasts; 0 for once.")] = 24.0
    recovery: Annotated[bool, Meta(description="Whether it is told when it is over.")] = True
    webhooks: Annotated[tuple[WebhookSettings, ...], Meta(max_length=20, description="Addresses that are told by POST.")] = ()
    email: Annotated[EmailSettings, Meta(description="The mail server, and who is told by it.")] = EmailSettings()
