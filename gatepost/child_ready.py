"""Imported by limited children only: loads every codec that mail may name, for later they can open no file."""

import codecs
from contextlib import suppress

from gatepost.mail_charset import CHARSETS

for codec in sorted(set(CHARSETS.values())):
    with suppress(LookupError):
        codecs.lookup(codec)
