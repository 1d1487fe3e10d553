"""Mock providers: what OpenAI, Anthropic and Google answer, and whatever else a provider may do to us, on command.

`sluicegate mock`, `sluicegate serve --demo`, tests and benchmarks use them. They know nothing of the gateway.
One process, one event loop, no state but a ledger and the latest responses; started by `gateway.mock.server`.

A request says how it wants to be treated, in the model's name or in the header `x-mock` (same words; the header wins):

    gpt-4o-mini;chunks=64;pace=20ms;size=12;usage=off;first=500ms

Where the model is in the path, as with Gemini, so is the script: `models/gemini-2.5-pro;chunks=3:generateContent`.

Times are `20ms`, `500us`, `1.5s`, a bare number is milliseconds; sizes are `512`, `64KiB`, `8MiB`; a flag is its bare
name. A chunk is a piece of content; what comes before the first and after the last one is not counted. Of a plain
answer `0` chunks are the head alone, and any other number is the head and half of the body.

| name | meaning |
|---|---|
| **content** | |
| `chunks=N` | so many chunks (12); a token limit in the request cuts them short |
| `size=BYTES` | exactly so many bytes of content in each (a word of the text) |
| `text=...` | the content itself, percent-decoded, cut into words, or pieces of `size` |
| `utf8` | content of emoji, CJK, right-to-left letters and U+2028 |
| `stamp` | each chunk's content is the time it was sent: monotonic nanoseconds, padded to `size` with blanks |
| `huge=BYTES` | one chunk with so much content, or a plain body as large |
| `toolcall[=N]` | call so many of the request's tools (also done for `tool_choice` required or a named function) |
| `thinking[=N]` | think aloud first, in so many pieces (4), asked or not; pieces of thought are chunks as well |
| `reasoning[=N]` | the same in OpenAI's word |
| `redacted` | Anthropic: a block of thoughts that nobody may read |
| `quirks` | chat, streamed as servers do that are nearly compatible |
| `lenient` | OpenAI: arguments that are not known are ignored, as compatible servers do |
| `citations` | cite a document of the request or else the web; Gemini: grounding |
| `pings` | Anthropic: a ping before each chunk, not only at the beginning |
| `parts=N` | Gemini: the answer in so many, each but the last ending with `CONTINUATION` and a token for the next |
| `array` | Gemini: a stream is one JSON list, as servers give it that know no `alt=sse` |
| `refusal` | refuse after the content: `refusal` with its details, `SAFETY`; OpenAI: the content is the refusal |
| `blocked` | refuse the prompt: no content; Gemini: `promptFeedback` and no candidates; OpenAI: 400 |
| `filter` | OpenAI: a filter ends the content, `content_filter` |
| `finish=REASON` | the reason of the end, in the format's own word: `pause_turn`, `MALFORMED_FUNCTION_CALL`, `failed` |
| `echo` | the content is what was received, as JSON; no token limit cuts it short |
| `usage=asked` | as OpenAI: in a stream only when `include_usage` asks for it |
| `usage=on`, `off` | always, never |
| `usage=late`, `last` | 0.2 s after the finish chunk (Anthropic: with it); in the finish chunk itself, and only there |
| `usage=cached` | half of the prompt from cache (Anthropic: a quarter written), a quarter of the answer reasoning |
| `input=N`, `output=N` | tokens reported |
| `tag=NAME` | the name of this request in `/mock/state`; also by header `x-mock-tag` |
| `times=N` | only the first N requests of the tag are treated so, the others well |
| **time** | |
| `pace=TIME` | delay between chunks; 0 is a burst in as few writes as possible |
| `first=TIME` | delay before the first byte, the status line included |
| `think=TIME` | delay between the head and the first chunk or the body |
| **ends** | |
| `stall=N` | silence for ever after N chunks, connection open |
| `cut=N` | FIN after N chunks, without the end |
| `reset=N` | RST after N chunks; 0 is before the head |
| `errorevent=N` | an error event after N chunks, then the end of the body, no `[DONE]` |
| `nodone` | everything but the end: no `[DONE]`, `message_delta`, `message_stop`, `finishReason`, terminal event |
| `close` | `Connection: close`, and done |
| `drop=TIME` | keep-alive promised, yet the connection is closed this long after the answer |
| **other answers** | |
| `status=N` | this status, 300 to 599, with the provider's error body (a redirect has a `Location`) |
| `retry=SECONDS` | `Retry-After`, and `retry-after-ms`; Gemini: `RetryInfo` in the body |
| `overloaded` | 503, Anthropic's 529; with `errorevent` the event says so |
| `quota` | the credit is used up: 429 `insufficient_quota`, Anthropic's 402, Gemini's 429 until tomorrow |
| `toolong` | the prompt is longer than the model takes: 400 in the provider's words |
| `disguised` | an error body or a page with the status 200; alone it is a server error |
| `tattle` | errors repeat the key of the request in their message, those within streams too |
| `html` | an HTML page, 502 or the status given |
| `empty` | 200 with an empty body |
| `garbage` | bytes that are not HTTP |
| `interim` | 100 and 103 before the answer |
| `bighead=BYTES` | a response header of so many bytes |
| **bytes** | |
| `split` | characters, events and chunk sizes torn over writes that arrive apart |
| `byte` | one byte a write |
| `crlf` | events with CRLF line ends |
| `comments` | a comment before each event |
| `multi` | each event's JSON on two `data:` lines |
| `gzip` | `content-encoding: gzip`, asked or not |
| `chunked` | a plain body in chunked framing |
| `chunkext`, `trailers` | chunk extensions; trailers (both also make a plain body chunked) |
| `eof` | no length: the close is the end of the body |

What `echo` tells: `{"system":str,"last":str,"images":int,"documents":int,"results":[str,...],"turns":int}`. Texts of
one kind are joined by line ends; `last` is the text of the last message of the user that has any, `results` are the
tool results in order, `turns` counts the entries of the conversation as received.

What `quirks` does: the role is `""` and the content null, thoughts are `reasoning` and not `reasoning_content`, calls
are counted from 1, their names come after their first arguments and their ids in every chunk, and the usage comes with
the finish reason.

Without a script: a model `missing-*` is not found; a key `sk-wrong*` is refused (401, Gemini's 400), `sk-limited*` gets
429 and `sk-broken*` 500; any other key, and none, is welcome, in any header a provider knows. Wrong requests get the
provider's own errors. Answers to `sk-plan-claude-90` tell in their headers of the windows of a Claude plan of which
90 % are used when they end, those to `sk-plan-codex-90` of a ChatGPT one, those to `sk-plan-metered-90` of limits an
hour and a day.

Rules depend on the model, and the mock knows them by name: a `claude-opus-4-7` takes no temperature, a `gpt-5.5` no
`max_tokens`, a `gemini-3-pro` wants signatures back. Signatures are this mock's own, bound to the model, and checked
when they return, as is the `encrypted_content` of responses; the beta fields of Anthropic are welcome with any
`anthropic-beta`. `/v1/models` is Anthropic's list with `anthropic-version`, Google's with `x-goog-api-key` or `?key=`,
else OpenAI's. A Gemini stream without `alt=sse` is one JSON list, which knows neither comments nor events on two lines.
The latest responses are kept, unless `store` is false, and can be continued, listed, cancelled and deleted.

`GET /mock/state[?tag=NAME]` tells the counters (`open_connections`, `connections_total`, `requests_total`,
`requests_unfinished`: clients that left while sending, `requests_broken`: refused as not HTTP, `streams_open`),
`disconnects` (the last 100 clients that left before their answer was complete: `id`, `tag`, `at_ms`, `after_chunks`,
`bytes_written`) and `last_requests` (the last 50, oldest first: method, path, headers and body as received, connection
number, `outcome`: running, done, stalled, cut, reset or disconnected, `chunks`, `bytes_written`, and for those still
running `blocked_bytes` waiting in the mock and `kernel_bytes` waiting in its socket). Times are milliseconds of the
system's monotonic clock, which is the same in all processes of a machine. `POST /mock/reset` forgets.
"""
