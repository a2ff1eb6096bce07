"""The node's JSON-RPC, over WebSocket and HTTP on one port; a file per namespace."""
