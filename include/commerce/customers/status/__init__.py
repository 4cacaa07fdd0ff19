"""*Customer synchronization status* (domain A5): what became of each operation, where each customer is, and repair."""
