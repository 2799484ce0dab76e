"""Pure telephony: what rooms, trunks and dispatch rules are, and which of them clash. No I/O, no clock, no SDK."""
