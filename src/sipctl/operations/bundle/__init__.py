"""A bundle for a stranger: what a deployment holds, with every name replaced by another one, and no secret."""
