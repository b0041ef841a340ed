"""Tests of corral.app.doctor."""
