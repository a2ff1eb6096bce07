"""Files and folders sealed to a key: whoever has its secret half reads them, and nobody else.

The format is age's, version 1 (https://age-encryption.org/v1): a header with the file's key,
wrapped for an X25519 public key, then the content in chunks of 64 KiB, each of them authenticated
with its place and with whether it is the last. So a file that was cut, extended, reordered or
changed is refused, and any other implementation of age opens what is sealed here.
"""
