"""The door to the network: everything the gateway sends to somebody else's server leaves here."""
