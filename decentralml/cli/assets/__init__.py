"""`decentralml assets`: bundles by content; only what concerns tasks needs a chain."""

from decentralml.cli.assets import content, keeping, moving
from decentralml.cli.assets.group import app

__all__ = ["app", "content", "keeping", "moving"]
