"""Edit transactions in headquarters, with an audit of who changed what, when and why (domain.md B5)."""
