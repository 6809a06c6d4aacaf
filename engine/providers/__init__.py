"""Providers: how each supported resource type is done on Docker."""
