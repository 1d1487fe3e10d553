"""Somebody who asks, so that a demo has something to show: a request or two a second, through the gateway like all are.

Runs beside the mock providers, in their process, and ends with them. Asks for nothing that a provider of the operator's
would have to answer.
"""
