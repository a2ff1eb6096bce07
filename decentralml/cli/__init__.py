"""The `decentralml` command: parses, calls one role method, prints."""
