"""An application that is made quickly serves as any other."""

from __future__ import annotations

from blacksheep import Request, Response

from gateway.application import new_application


async def test_a_handler_is_kept_as_it_is() -> None:
    async def answer(request: Request) -> Response:
        return Response(200)

    app = new_application()
    app.router.add_get("/here/{name}", answer)
    await app.start()  # type: ignore[no-untyped-call] # BlackSheep's own
    assert answer in [route.handler for route in app.router]
