"""Every check of a deployment: data gathered once, small read-only checks over it, one verdict."""
