"""`sipctl pin`: the registry of PINs. One module for each command."""
