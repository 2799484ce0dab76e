"""Where PINs live: in a database of our own, or in Meet's; and what we note about them in our own."""
