"""SIP without sockets, clock or randomness: bytes and times go in, messages, faults and bytes come out."""
