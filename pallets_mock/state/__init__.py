"""The chain's state: nested transactions over a read-only view, and the trie it is rooted by.

Pure: nothing here knows of WebAssembly, blocks or disks.
"""
