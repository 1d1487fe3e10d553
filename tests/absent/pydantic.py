"""Not there for gateways of tests, as it is not for those who install one: only the tools of the tests bring it."""

raise ModuleNotFoundError("kept from gateways of tests", name="pydantic")
