"""Whether SIP nodes answer, over each address and transport, and what becomes of a call to ours."""
