"""`sipctl room`: live rooms and who is in them. One module for each command."""
