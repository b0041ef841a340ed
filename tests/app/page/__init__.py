"""Tests of serving the pages."""
