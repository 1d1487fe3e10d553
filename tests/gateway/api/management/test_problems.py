"""Errors as problems."""

from __future__ import annotations

import msgspec
import pytest

from gateway import errors
from gateway.api.management.problems import TYPES, Problem, ProblemType, problem_of, unexpected, write_problem
from gateway.errors import Conflict, GatewayError, InvalidRequest, ProviderRefused, TooManyAttempts, Unacceptable

from .asking import Sample

ID = "0198c0de-0000-7000-8000-000000000000"


def test_an_error_is_told_with_everything_that_helps() -> None:
    written = write_problem(Unacceptable("There is no such model.", param="models.allowed"), ID)
    assert (written.status, written.headers) == (422, (("content-type", "application/problem+json"),))
    assert msgspec.json.decode(written.body) == {
        "type": "/api/problems/unacceptable",
        "title": "Unacceptable",
        "status": 422,
        "detail": "There is no such model.",
        "instance": f"urn:uuid:{ID}",
        "code": "unacceptable",
        "errors": [{"detail": "There is no such model.", "pointer": "#/models/allowed"}],
    }


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (InvalidRequest("No.", param="limit"), ("parameter", "limit")),
        (InvalidRequest("No.", param="If-Match"), ("header", "If-Match")),
        (Unacceptable("No.", param="#/a~1b/0"), ("pointer", "#/a~1b/0")),
        (Conflict("No.", param="name"), ("pointer", "#/name")),
        (Unacceptable("No.", param="Idempotency-Key"), ("header", "Idempotency-Key")),
    ],
)
def test_the_place_of_a_fault_is_named_for_what_it_is(error: GatewayError, place: tuple[str, str]) -> None:
    (fault,) = problem_of(error, ID).errors
    assert msgspec.to_builtins(fault) == {"detail": "No.", place[0]: place[1]}


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "1"), (2.4, "3"), (30, "30")])
def test_when_to_come_back_is_told_in_whole_seconds(seconds: float, said: str) -> None:
    assert ("retry-after", said) in write_problem(TooManyAttempts("Wait.", retry_after=seconds), ID).headers


def test_an_unexpected_error_tells_nothing_but_its_id() -> None:
    problem = msgspec.json.decode(unexpected(ID).body, type=Problem)
    assert (problem.status, problem.code, problem.instance) == (500, "internal_error", f"urn:uuid:{ID}")


def test_a_code_of_somebody_else_has_no_page_of_ours() -> None:
    problem = problem_of(ProviderRefused("No.", category="quota", code="billing_hard_limit"), ID)
    assert (problem.type, problem.title) == ("about:blank", "Billing hard limit")


def test_every_error_has_a_type_that_is_explained() -> None:
    named = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, GatewayError)}
    assert {each.code for each in named} <= TYPES.keys()
    assert all(each.description.endswith(".") and each.title for each in TYPES.values())
    assert (
        TYPES["conflict"].description == "It contradicts something that is there: a name that is taken, a thing in use."
    )


async def test_a_type_can_be_followed_by_anyone() -> None:
    sample = Sample()
    problem = (await sample.ask("GET", "/api/nothing", who="")).json()
    answer = await sample.ask("GET", problem["type"], who="")
    assert msgspec.json.decode(answer.body, type=ProblemType) == TYPES["unknown_url"]
    assert await sample.refused("GET", "/api/problems/none", who="") == (404, "not_found")
