"""A made-up company and what it would have left here: people, client keys, and months of requests.

For whoever wants to see pages with something on them: `sluicegate seed`, the demo, benchmarks. Nothing here is asked by
a gateway that serves.
"""
