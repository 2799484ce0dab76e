"""`sipctl rules`: dispatch rules, which caller lands in which room. One module for each command."""
