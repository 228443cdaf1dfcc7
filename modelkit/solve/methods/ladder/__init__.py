"""The method ``ladder``: forests, with every probe, in a time that is linear in the sites."""
