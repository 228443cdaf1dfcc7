"""The two graphs: what is declared (networkx), and its expansion into arrays (the device)."""
