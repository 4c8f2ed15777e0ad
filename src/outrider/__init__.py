"""Outrider: outreach and inbox on your own machine."""

VERSION = "0.1.0"
