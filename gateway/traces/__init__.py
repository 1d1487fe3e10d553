"""What exchanges leave for tracing: the context that comes and goes with requests, and spans on their way to a
collector. The library is loaded only where tracing is on."""
