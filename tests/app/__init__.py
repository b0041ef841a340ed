"""Tests of the program: settings, store, gateway, HTTP."""
