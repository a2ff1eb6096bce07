#!/bin/sh
# An annotator's work: answer the bundle's question for each of its items.
#
# Given:  TASK_DIR     this folder: items.json, items/
#         DATA_DIR     optional: a folder with answers.jsonl, the annotator's own labels
#         RESULT_DIR   where answers.jsonl and result.json go
# Without a terminal and without answers in DATA_DIR it ends with an error that says so.
set -eu
cd "${TASK_DIR:-$(dirname "$0")}"
exec python annotate.py "$@"
