"""Random histories of customers, run through the system and through a model of it."""
