"""`decentralml contributor`: train models on data that stays on your machine."""

from __future__ import annotations

from decentralml.cli.assignee import worker_app

app = worker_app("contributor", "Train models on data that stays on your machine.")
