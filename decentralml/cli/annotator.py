"""`decentralml annotator`: label data."""

from __future__ import annotations

from decentralml.cli.assignee import worker_app

app = worker_app("annotator", "Label data.")
