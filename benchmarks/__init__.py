"""Benchmarks: every number beside what it is compared with, measured in the same run."""
