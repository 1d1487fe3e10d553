"""What the tables are that people ask in SQL of their own: every column, what it means and its unit.

Said once, here: the page for SQL and the documentation both show it. Code stands between backticks.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of one meaning."""

    names: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table that can be asked."""

    name: str
    about: str
    columns: tuple[Columns, ...]


UNITS = "Times are microseconds, money is nano-USD (a billionth of a US dollar), sizes are bytes. Instants are UTC."

TABLES: tuple[Table, ...] = (
    Table(
        "requests",
        "A row for every request.",
        (
            Columns(("ts",), "instant at which the request was seen"),
            Columns(("id",), "UUIDv7; the client has it as `x-sluicegate-request-id`"),
            Columns(
                ("key", "key_id"),
                (
                    "name of the client key, and what tells it from others that had its name; a key of the "
                    "configuration file has no other id than its name. Null when the request was refused before a key "
                    "was known"
                ),
            ),
            Columns(("user_id", "team_id"), "whose the key was"),
            Columns(("endpoint",), "path, such as `/v1/chat/completions`"),
            Columns(("requested_model",), "as the client named it"),
            Columns(("via",), "alias or combo by whose name the model was asked for; null where it was named itself"),
            Columns(
                ("provider", "model", "credential"), "who answered, or was asked last; `model` as the provider knows it"
            ),
            Columns(
                ("answered_model",),
                (
                    "the model that the provider says has answered, where it has another name. "
                    "`other_model(model, answered_model)` tells whether it is more than a version of the same"
                ),
            ),
            Columns(("upstream_format",), "dialect spoken with the provider"),
            Columns(("status",), "HTTP status the client got; 499 when it left before"),
            Columns(
                ("error",),
                (
                    "kind of what went wrong; null when nothing did. `outcome(status, error)` is `ok`, `refused`, "
                    "`failed` or `left`"
                ),
            ),
            Columns(("stream",), "whether the answer was streamed"),
            Columns(("has_tools",), "whether tools were offered to the model"),
            Columns(("input_tokens", "output_tokens"), "tokens, those below included"),
            Columns(
                (
                    "cache_read_tokens",
                    "cache_write_tokens",
                    "cache_write_1h_tokens",
                    "reasoning_tokens",
                    "input_audio_tokens",
                    "input_image_tokens",
                    "output_audio_tokens",
                    "output_image_tokens",
                ),
                "tokens that have prices of their own",
            ),
            Columns(("usage_source",), "where the tokens come from: `reported`, `counted`, `estimated` or `none`"),
            Columns(("cost_nano_usd",), "null when nobody knows the price"),
            Columns(("cost_source",), "where the cost comes from: `reported`, `priced`, `unpriced` or `none`"),
            Columns(("price",), "row of the price list"),
            Columns(
                ("attempts",),
                (
                    "list of tries: `provider`, `model`, `credential`, `status`, `error`, `duration_us`, `verdict`, "
                    "`rest_us`, `reason`, `rest_by`, `began_us` (from the request seen), `connect_us`, `head_us`, "
                    "`chosen_by`"
                ),
            ),
            Columns(("tries",), "how many there were"),
            Columns(("ordered_by",), "strategy by which the target was chosen; null where there was no choice"),
            Columns(
                ("passed_over", "passed_more"),
                (
                    "list of those who could have answered and were not asked: `provider`, `model`, `credential` "
                    "(null: all of them), `reason`, `until_us` (Unix time), `holds` (the conversation); how many more"
                ),
            ),
            Columns(("total_us",), "from the request seen to the last byte handed to the client"),
            Columns(("first_byte_us",), "to the first one"),
            Columns(("admitted_us",), "until it was let in: head, body, key, limits"),
            Columns(("waited_us",), "pauses between attempts"),
            Columns(("upstream_us",), "spent waiting for providers"),
            Columns(("overhead_us",), "what we added before the first byte"),
            Columns(("request_bytes", "response_bytes"), "of the bodies"),
            Columns(("dropped",), "what translation could not carry over"),
            Columns(("lossy",), "whether there is any of it"),
            Columns(("tags",), "of the key, and of the header `x-sluicegate-tags`"),
            Columns(("upstream_request_id",), "the provider's own id"),
            Columns(("trace_id",), "of the trace it is part of"),
            Columns(("captured",), "whether its bodies were kept"),
            Columns(("user_agent",), "what the client says of itself"),
            Columns(("node", "worker"), "which machine, and which of its workers"),
        ),
    ),
    Table(
        "usage_daily",
        (
            "Sums of days that are over, which stay when their requests are gone. Rows of the same group come more "
            "than once: add them up."
        ),
        (
            Columns(("d", "since"), "the day, and the instant from which on its requests are in this row"),
            Columns(
                ("key_id", "key", "user_id", "team_id", "provider", "model", "credential"),
                "of whom and what; `credential` is null where a target was tried in vain",
            ),
            Columns(("n", "n_ok", "n_refused", "n_failed", "n_left"), "requests, and by outcome"),
            Columns(("error",), "the kind of what went wrong first, null for nothing"),
            Columns(
                ("n_asked", "n_tried"), "of which anything was sent to a provider; for which this target was tried"
            ),
            Columns(
                ("n_attempts", "n_attempts_failed"),
                "attempts with this target that tell something of it, whoever answered; of which failed",
            ),
            Columns(
                ("n_unpriced", "n_estimated"), "of which the price is not known; of which the tokens are estimated"
            ),
            Columns(
                (
                    "input_tokens",
                    "output_tokens",
                    "cache_read_tokens",
                    "cache_write_tokens",
                    "reasoning_tokens",
                    "cache_write_1h_tokens",
                    "input_audio_tokens",
                    "input_image_tokens",
                    "output_audio_tokens",
                    "output_image_tokens",
                ),
                "sums",
            ),
            Columns(("cost_nano_usd", "total_us", "upstream_us"), "sums"),
        ),
    ),
    Table(
        "latency_hourly",
        "How often answered requests took how long.",
        (
            Columns(("h",), "the hour; the day once its requests are gone"),
            Columns(("provider", "model"), "who answered"),
            Columns(("metric",), "`total`, `first_byte` or `overhead`"),
            Columns(("bucket",), "8 % wide: `bucket_of(microseconds)` and `time_in(bucket)`"),
            Columns(("n",), "how many"),
        ),
    ),
    Table(
        "rolled",
        "The days that are in the two tables above.",
        (
            Columns(("d", "n"), "the day, and how many requests it had"),
            Columns(("kept",), "what is left of it"),
            Columns(("rolled_at",), "when it was summed up"),
        ),
    ),
)
"""In the order of what people ask most."""
