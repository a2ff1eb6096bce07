"""Bundles in a bucket: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.

``store`` is the `AssetStore`; ``layout`` says which objects a bundle becomes, ``bucket`` is the
only place that knows fsspec, ``failures`` turns what the services answer into our own errors.
"""
