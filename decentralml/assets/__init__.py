"""Bundles of files named by the hash of their content, and the stores that keep them.

``cid`` names content, ``local`` keeps it, ``store`` is what every store promises.
Start with `decentralml.assets.store.AssetStore`.
"""
