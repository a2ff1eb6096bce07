"""`decentralml annotator`: label data."""

from __future__ import annotations

from decentralml.cli.answering import add_answer
from decentralml.cli.assignee import worker_app

app = worker_app("annotator", "Label data.")
add_answer(app)
