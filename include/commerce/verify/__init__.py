"""`commerce hq verify`: the rules that always hold (design section 4), asked of headquarters in SQL of its own.

It shares no code with the jobs that it judges.
"""

from commerce.verify.checking import CHECKS, Finding, verify

__all__ = ["CHECKS", "Finding", "verify"]
