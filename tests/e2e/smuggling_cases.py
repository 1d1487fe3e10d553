"""The corpus of `smuggling`: what is said about framing in ways that two readers may read differently."""

from __future__ import annotations

from tests.e2e.smuggling import Case
from tests.e2e.wire import CHAT

BY_LENGTH = "{start}Content-Length: {length}\r\n\r\n{body}{next}"
IN_CHUNKS = "{start}Transfer-Encoding: chunked\r\n\r\n{chunked}{next}"


def length(value: str) -> str:
    """A request with a body by length, the header's value as given."""
    return "{start}Content-Length:" + value + "\r\n\r\n{body}{next}"


def coding(lines: str) -> str:
    """A request whose body ends at once for who reads chunks, and holds the second one for who goes by length."""
    return "{start}" + lines + "Content-Length: {over}\r\n\r\n0\r\n\r\n{next}"


def chunks(text: str) -> str:
    """A request in chunks, as given."""
    return "{start}Transfer-Encoding: chunked\r\n\r\n" + text + "{next}"


def header(line: str) -> str:
    """A request with a body by length, and one more line."""
    return "{start}" + line + "\r\nContent-Length: {length}\r\n\r\n{body}{next}"


def line(first: str) -> str:
    """A request with another first line."""
    return first + "\r\nHost: localhost\r\n{fields}Content-Length: {length}\r\n\r\n{body}{next}"


VALID = {
    "length": BY_LENGTH,
    "length with zeros in front": length(" 000{length}"),
    "length in tabs": length("\t{length}\t"),
    "chunks": IN_CHUNKS,
    "chunks, name in capitals": "{start}TRANSFER-ENCODING: chunked\r\n\r\n{chunked}{next}",
    "chunks, value in capitals": "{start}Transfer-Encoding: CHUNKED\r\n\r\n{chunked}{next}",
    "chunk extension": chunks("{size};name=value;x\r\n{body}\r\n0\r\n\r\n"),
    "chunk extension in quotes": chunks('{size};a="b c"\r\n{body}\r\n0\r\n\r\n'),
    "chunk size with zeros in front": chunks("000{size}\r\n{body}\r\n000\r\n\r\n"),
    "trailer": chunks("{size}\r\n{body}\r\n0\r\nX-Trailer: yes\r\n\r\n"),
    "header with an empty value": header("X-Empty:"),
    "header with bytes above ASCII": header("X-Name: \xe9\xff"),
    "header name of odd characters": header("x!#$%&'*+-.^`|~1: yes"),
    "length in a trailer": chunks("{size}\r\n{body}\r\n0\r\nContent-Length: 5\r\n\r\n"),
    "coding in a trailer": chunks("{size}\r\n{body}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "host in a trailer": chunks("{size}\r\n{body}\r\n0\r\nHost: evil.example\r\n\r\n"),
    "key in a trailer": chunks("{size}\r\n{body}\r\n0\r\nAuthorization: Bearer x\r\n\r\n"),
}
"""Everybody must understand these; what is said in trailers means nothing."""

REFUSED = {
    # Two ways to say where a body ends
    "length before chunked": "{start}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}{next}",
    "chunked before length": "{start}Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n{chunked}{next}",
    "second in the length": coding("Transfer-Encoding: chunked\r\n"),
    "second behind the length": "{start}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}{next}",
    "length twice, different": "{start}Content-Length: {length}\r\nContent-Length: 0\r\n\r\n{body}{next}",
    "length twice, the larger last": "{start}Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{body}{next}",
    "length in a list, different": length(" {length}, 0"),
    "length with a plus": length(" +{length}"),
    "length with a minus": length(" -{length}"),
    "length in hexadecimal": length(" 0x{size}"),
    "length with a point": length(" {length}.0"),
    "length with a space within": length(" 1 {length}"),
    "length with an underscore": length(" 1_0"),
    "length with letters behind": length(" {length}abc"),
    "length of nothing": length(""),
    "length too large for 64 bits": length(" 18446744073709551617"),
    "length in other digits": length(" \xb2\xb3"),
    # Codings
    "xchunked": coding("Transfer-Encoding: xchunked\r\n"),
    "chunked, identity": coding("Transfer-Encoding: chunked, identity\r\n"),
    "identity": coding("Transfer-Encoding: identity\r\n"),
    "identity, chunked": coding("Transfer-Encoding: identity, chunked\r\n"),
    "gzip, chunked": coding("Transfer-Encoding: gzip, chunked\r\n"),
    "chunked twice in a list": coding("Transfer-Encoding: chunked, chunked\r\n"),
    "chunked twice in two lines": coding("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    "chunked and identity in two lines": coding("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
    "identity and chunked in two lines": coding("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
    "chunked in quotes": coding('Transfer-Encoding: "chunked"\r\n'),
    "chunked with a parameter": coding("Transfer-Encoding: chunked;x=1\r\n"),
    "chunked behind a tab": coding("Transfer-Encoding:\tchunked\r\n"),
    "chunked before a vertical tab": coding("Transfer-Encoding: chunked\x0b\r\n"),
    "chunked before a form feed": coding("Transfer-Encoding: chunked\x0c\r\n"),
    "chunked before a NUL": coding("Transfer-Encoding: chunked\0\r\n"),
    "chunked with a letter above ASCII": coding("Transfer-Encoding: \xe7hunked\r\n"),
    "chunked on a folded line": coding("Transfer-Encoding:\r\n chunked\r\n"),
    "coding of nothing": coding("Transfer-Encoding:\r\n"),
    "chunked behind a comma": coding("Transfer-Encoding: , chunked\r\n"),
    "coding with a space before the colon": coding("Transfer-Encoding : chunked\r\n"),
    "coding with a tab before the colon": coding("Transfer-Encoding\t: chunked\r\n"),
    "coding behind a space": coding(" Transfer-Encoding: chunked\r\n"),
    "coding behind a bare return": coding("X: y\rTransfer-Encoding: chunked\r\n"),
    "coding with a NUL in its name": coding("Transfer\0-Encoding: chunked\r\n"),
    "HTTP/1.0 with chunks": "POST " + CHAT + " HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n"
    "{fields}Transfer-Encoding: chunked\r\n\r\n{chunked}{next}",
    # Chunks
    "chunk size of nothing": chunks("\r\n{body}\r\n0\r\n\r\n"),
    "chunk size with 0x": chunks("0x{size}\r\n{body}\r\n0\r\n\r\n"),
    "chunk size with a sign": chunks("+{size}\r\n{body}\r\n0\r\n\r\n"),
    "chunk size of a minus": chunks("-1\r\n{body}\r\n0\r\n\r\n"),
    "chunk size of letters": chunks("zz\r\n{body}\r\n0\r\n\r\n"),
    "chunk size with an underscore": chunks("0_{size}\r\n{body}\r\n0\r\n\r\n"),
    "chunk size with a space within": chunks("{size} 0\r\n{body}\r\n0\r\n\r\n"),
    "chunk size over 64 bits": chunks("1" + "0" * 16 + "{size}\r\n{body}\r\n0\r\n\r\n"),
    "chunk size of many digits": chunks("f" * 40 + "\r\n{body}\r\n0\r\n\r\n"),
    "chunk longer than said": chunks("1\r\n{body}\r\n0\r\n\r\n"),
    "chunk shorter than said": chunks("{size}f\r\n{body}\r\n0\r\n\r\n"),
    "chunk without its end of line": chunks("{size}\r\n{body}0\r\n\r\n"),
    "chunk size ended by a bare return": chunks("{size}\r{body}\r\n0\r\n\r\n"),
    "chunk ended by a bare return": chunks("{size}\r\n{body}\r0\r\n\r\n"),
    "NUL in a chunk size": chunks("{size}\0\r\n{body}\r\n0\r\n\r\n"),
    "bare return in a chunk extension": chunks("{size};a\rb\r\n{body}\r\n0\r\n\r\n"),
    "trailer without a colon": chunks("{size}\r\n{body}\r\n0\r\nnonsense\r\n\r\n"),
    # Lines and headers
    "folded header": header("X-Folded: a\r\n b"),
    "bare return in a header": header("X-A: b\rX-C: d"),
    "NUL in a header": header("X-A: b\0c"),
    "header without a name": header(": x"),
    "header without a colon": header("nonsense"),
    "space in a header's name": header("X A: b"),
    "space before the colon": header("X-A : b"),
    "byte above ASCII in a header's name": header("X-\xe9: b"),
    "host twice": header("Host: evil.example"),
    "host twice, the same": header("Host: localhost"),
    "no host": "POST " + CHAT + " HTTP/1.1\r\n{fields}Content-Length: {length}\r\n\r\n{body}{next}",
    "host of two": line("POST " + CHAT + " HTTP/1.1").replace("Host: localhost", "Host: a.example, b.example"),
    "host with a path": line("POST " + CHAT + " HTTP/1.1").replace("Host: localhost", "Host: localhost/x"),
    "host with a user name": line("POST " + CHAT + " HTTP/1.1").replace("Host: localhost", "Host: a@localhost"),
    "host with a space": line("POST " + CHAT + " HTTP/1.1").replace("Host: localhost", "Host: a b"),
    "bare return as end of line": "{start}Content-Length: {length}\r\r{body}{next}",
    # The first line
    "HTTP/0.9": "GET /healthz\r\n{next}",
    "HTTP/1.2": line("POST " + CHAT + " HTTP/1.2"),
    "HTTP/2.0": line("POST " + CHAT + " HTTP/2.0"),
    "HTTP/1.1 in small letters": line("POST " + CHAT + " http/1.1"),
    "HTTP/1.10": line("POST " + CHAT + " HTTP/1.10"),
    "preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{next}",
    "two spaces behind the method": line("POST  " + CHAT + " HTTP/1.1"),
    "tab behind the method": line("POST\t" + CHAT + " HTTP/1.1"),
    "space behind the version": line("POST " + CHAT + " HTTP/1.1 "),
    "space in the target": line("POST " + CHAT + " x HTTP/1.1"),
    "space in front": line(" POST " + CHAT + " HTTP/1.1"),
    "NUL in the target": line("POST " + CHAT + "\0 HTTP/1.1"),
    "bare return in the target": line("POST " + CHAT + "\rX HTTP/1.1"),
    "byte above ASCII in the target": line("POST " + CHAT + "/\xe9 HTTP/1.1"),
    "target without a slash": line("POST v1/chat/completions HTTP/1.1"),
    "target of an authority": line("POST localhost:80 HTTP/1.1"),
    "asterisk": line("POST * HTTP/1.1"),
    "CONNECT": line("CONNECT localhost:80 HTTP/1.1"),
}
"""A second request behind one of these is not read."""

TOLERATED = {
    "empty line in front": "\r\n" + BY_LENGTH,
    "length twice, the same": "{start}Content-Length: {length}\r\nContent-Length: {length}\r\n\r\n{body}{next}",
    "length in a list, the same": length(" {length}, {length}"),
    "bare line feeds": BY_LENGTH.replace("{start}", "POST " + CHAT + " HTTP/1.1\nHost: localhost\n{fields}"),
    "chunk size ended by a bare line feed": chunks("{size}\n{body}\r\n0\r\n\r\n"),
    "chunk ended by a bare line feed": chunks("{size}\r\n{body}\n0\r\n\r\n"),
    "space behind a chunk size": chunks("{size} \r\n{body}\r\n0\r\n\r\n"),
    "chunks ended by bare line feeds": chunks("{size}\r\n{body}\r\n0\n\n"),
    "another host in the target": line("POST http://evil.example" + CHAT + " HTTP/1.1"),
    "another scheme in the target": line("POST ftp://localhost" + CHAT + " HTTP/1.1"),
    "own host in the target": line("POST http://localhost" + CHAT + " HTTP/1.1"),
    "underscore in a header's name": header("Content_Length: 0"),
    "coding with an underscore": header("Transfer_Encoding: chunked"),
    "expectation of something else": header("Expect: 200-ok"),
    "upgrade to HTTP/2": header(
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"
    ),
    "upgrade to WebSocket": header("Connection: Upgrade\r\nUpgrade: websocket"),
    "connection names the length": header("Connection: Content-Length"),
    "GET with a body": line("GET /healthz HTTP/1.1"),
    "method in small letters": line("post " + CHAT + " HTTP/1.1"),
    "method of odd characters": line("P@ST " + CHAT + " HTTP/1.1"),
}
"""Odd, and some readers refuse them; but whoever reads a second request behind one reads the same."""

CASES = (
    *(Case(name, text, "accepted") for name, text in VALID.items()),
    *(Case(name, text, "refused") for name, text in REFUSED.items()),
    *(Case(name, text, "either") for name, text in TOLERATED.items()),
)
