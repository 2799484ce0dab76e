"""`sipctl config`: the configuration. One module for each command."""
