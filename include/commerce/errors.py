"""What the library raises. A message says what happened and what to do, and holds no personal data and no secret."""


class CommerceError(Exception):
    """Something stops the whole job; the message says what to do."""

    exit_code = 1


class UsageError(CommerceError):
    """The caller asked for something that cannot be: an unknown store, a wrong date, a URL with a password."""

    exit_code = 2


class ConfigurationError(CommerceError):
    """Setup is missing or exhausted (number sequence, ledger account, default customer): mended once, for all."""


class StoreError(CommerceError):
    """Stops one store only; the job reports it as that store's outcome and goes on with the others."""
