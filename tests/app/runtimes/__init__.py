"""Tests of runtimes that register by HTTP."""
