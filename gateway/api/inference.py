"""The hot path's way in: one ASGI callable for every inference endpoint. Checks, reads, and hands over to the relay."""

from __future__ import annotations

from gateway import logs
from gateway.errors import AmbiguousRequest, ClientDisconnected, Draining, GatewayError, MethodNotAllowed
from gateway.records import ANY, captures
from gateway.relay.caller import is_strict
from gateway.relay.exchange import FAILED, Exchange
from gateway.relay.relay import Relay
from gateway.relay.sink import SHARE_OF_WINDOW, Message, Receive, Send, Sink
from gateway.relay.taps import kind_of

from .address import query_key, read_address
from .admission import Keys, check_endpoint
from .client_address import TrustedProxies
from .cors import Cors
from .endpoints import Asked
from .head import check_head
from .intake import check_type, declared_length, read_body

SLIP = captures.SLIP.encode()

log = logs.get("gateway.api.inference")


class Inference:
    """Serves inference requests, each to its end and its record."""

    def __init__(self, relay: Relay, keys: Keys) -> None:
        self._relay = relay
        self.keys = keys
        self.cors: Cors | None = None
        """Which pages in browsers may call; None when none may."""
        self.proxies: TrustedProxies | None = None
        """Who is believed about the address of a client; None when nobody stands in between."""
        self.draining = False

    async def serve(self, asked: Asked, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request to an endpoint, whatever happens."""
        relay, keys = self._relay, self.keys
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        named = dict(headers)
        kind = relay.exchange if SLIP not in named else kind_of(relay, named[SLIP])
        exchange = kind.of(relay, asked.endpoint, headers, receive, send)
        if scope["query_string"] or asked.model:
            exchange.address = read_address(asked, scope["query_string"])
        caller, proxies = exchange.caller, self.proxies
        caller.address = client_address(scope) if proxies is None else proxies.address_of(scope)
        caller.method = scope["method"]
        relay.begin(exchange)
        try:
            limit = relay.settings.server.max_body_bytes
            exchange.named = named
            if relay.tracing is not None:
                exchange.trace = relay.tracing.begin(headers, named)
            check_head(scope, named)
            if asked.model and b"x-goog-api-key" not in named:
                named[b"x-goog-api-key"] = query_key(scope["query_string"])
            if keys.shown != keys.seen:
                await keys.catch_up()
            length = self._admit(exchange, named, limit)
            exchange.body = await read_body(exchange, receive, length, limit)
            relay.watch(exchange)
            await exchange.run()
        except ClientDisconnected as error:
            exchange.note(error)
            if not exchange.sink.started and b"transfer-encoding" in dict(headers):
                _tell_of_chunks(exchange, send)
        except GatewayError as error:
            exchange.refuse(error)
        except Exception:
            log.exception("an exchange failed", id=exchange.id)
            exchange.refuse(GatewayError(FAILED))
        finally:
            if exchange.sink.started and not exchange.sink.over:
                await exchange.drained()
            relay.end(exchange)

    def _admit(self, exchange: Exchange, headers: dict[bytes, bytes], limit: int) -> int:
        """Check everything but the body; the declared length of the body, -1 where it is not declared."""
        caller, endpoint, agent = exchange.caller, exchange.endpoint, headers.get(b"user-agent")
        if agent is not None:
            caller.user_agent = agent.decode("latin-1")
        if self.cors is not None:
            caller.cors = self.cors.headers_for(headers)
        if caller.method != "POST":
            raise MethodNotAllowed(f"Not allowed to {caller.method} on {endpoint.path}.")
        if self.draining:
            raise Draining("The gateway is restarting; try again.", retry_after=1)
        exchange.key = key = self.keys.ring.get(headers)
        if key.endpoints != ANY:
            check_endpoint(key, endpoint.path)
        caller.strict = is_strict(key, headers)
        caller.content_type = check_type(endpoint, headers)
        return declared_length(headers, limit)


def _tell_of_chunks(exchange: Exchange, send: Send) -> None:
    """To Granian chunks that are none are a client that has left: one that has not should hear what is wrong."""
    error = AmbiguousRequest("The chunks of the request body are not well-formed.")
    status, body = exchange.format.write_error(error, exchange.id)
    length = (b"content-length", b"%d" % len(body))
    headers = [(b"content-type", b"application/json"), length, (b"connection", b"close")]
    Sink(send, len(body) * SHARE_OF_WINDOW).answer(status, headers, body)


def client_address(scope: Message) -> str | None:
    """The address of the client's end of the connection."""
    client = scope.get("client")
    return client[0] if client else None
