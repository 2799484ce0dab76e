"""`sipctl sandbox`: a LiveKit-compatible server on loopback. One module for each command."""
