"""What runs at this moment and what has just ended: from the workers to whoever watches.

The workers tell it to the control process over a Unix socket, only while somebody watches (`teller`, `listener`).
`feed` puts together what they say and gives everybody their share of it.
"""
