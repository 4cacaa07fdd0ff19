"""The quality gate: proves with Great Expectations that nothing unsynchronized is posted, and keeps the verdict."""

from commerce.quality.gate import GateResult, Verdict, check

__all__ = ["GateResult", "Verdict", "check"]
