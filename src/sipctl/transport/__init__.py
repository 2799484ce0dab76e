"""SIP on the network: from a URI to addresses, and over UDP, TCP or TLS to what answers there."""
