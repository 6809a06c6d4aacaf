"""Certificates: checked before they are rolled out and, for development, made."""
