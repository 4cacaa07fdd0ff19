"""Asynchronous customers become synchronous ones: conversion in the batch job and by late binding, and where each
one stands."""

from commerce.customers.counts import ConversionCounts
from commerce.customers.late_binding import convert_referenced
from commerce.customers.lookup import listed, show
from commerce.customers.synchronize import synchronize_customers

__all__ = ["ConversionCounts", "convert_referenced", "listed", "show", "synchronize_customers"]
