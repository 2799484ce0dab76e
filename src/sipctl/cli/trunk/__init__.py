"""`sipctl trunk`: SIP trunks, the numbers people dial. One module for each command."""
