"""The registry of models and prices as a file of this machine: kept, fetched anew, followed."""
