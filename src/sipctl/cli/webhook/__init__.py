"""`sipctl webhook`."""
