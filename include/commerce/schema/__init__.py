"""The tables, once: headquarters, channel, and what both share. Names are Commerce's own, lower-cased."""
