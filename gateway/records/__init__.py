"""The nouns: every frozen record that crosses packages. Read this first.

What every exchange makes anew is a msgspec Struct: as frozen as the dataclasses, at a third of their price.
"""

from gateway.records.clients import BudgetPeriod, ClientKey, IssuedKey, LimitRule, Limits, SaidLimits, Whom
from gateway.records.jobs import JobReport
from gateway.records.money import MOST_NANO_USD, NANO_USD, CostSource, Price, Rates, Tokens, UsageSource
from gateway.records.registry import RegistryState
from gateway.records.targets import ANY, Credential, Endpoint, FailureRule, ModelFacts, Provider, Target
from gateway.records.telling import Closing, OutputKind, Parameters
from gateway.records.usage import AttemptRecord, PassedOver, StoredResponse, UsageRecord

__all__ = [
    "ANY",
    "MOST_NANO_USD",
    "NANO_USD",
    "AttemptRecord",
    "BudgetPeriod",
    "ClientKey",
    "Closing",
    "CostSource",
    "Credential",
    "Endpoint",
    "FailureRule",
    "IssuedKey",
    "JobReport",
    "LimitRule",
    "Limits",
    "ModelFacts",
    "OutputKind",
    "Parameters",
    "PassedOver",
    "Price",
    "Provider",
    "Rates",
    "RegistryState",
    "SaidLimits",
    "StoredResponse",
    "Target",
    "Tokens",
    "UsageRecord",
    "UsageSource",
    "Whom",
]
