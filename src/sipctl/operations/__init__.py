"""The verbs: one module per kind of thing that sipctl reads and writes."""
