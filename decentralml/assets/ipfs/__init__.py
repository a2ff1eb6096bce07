"""A store in IPFS, through the API of a kubo daemon."""
