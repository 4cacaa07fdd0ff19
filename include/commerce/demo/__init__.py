"""Demo data: the TPC-DS retail benchmark as channel databases of stores that one would recognise."""

from commerce.demo.build import DemoChannel, DemoResult, build
from commerce.demo.defects import deliver_unknown_customer

__all__ = ["DemoChannel", "DemoResult", "build", "deliver_unknown_customer"]
