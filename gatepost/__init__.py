"""Gatepost: a mail gateway with conversation threading that explains every decision."""

__version__ = "0.1.0"
