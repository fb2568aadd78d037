"""Benchmarks: they measure and report; nothing here is asserted."""
