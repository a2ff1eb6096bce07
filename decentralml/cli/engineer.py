"""`decentralml engineer`: change the structure of models."""

from __future__ import annotations

from decentralml.cli.assignee import worker_app

app = worker_app("engineer", "Change the structure of models.")
