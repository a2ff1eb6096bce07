#!/bin/sh
# An engineer's work: change the model's structure, train it briefly to show that it works.
#
# Given:  DATA_DIR     images and labels to show it on
#         MODEL_PATH   the model to change
#         RESULT_DIR   where the result goes
#         ROUND, CONTRIBUTOR_ID, TASK_DIR
set -eu
cd "${TASK_DIR:-$(dirname "$0")}"
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
export TF_ENABLE_ONEDNN_OPTS="${TF_ENABLE_ONEDNN_OPTS:-0}"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"
exec python redefine_model.py "$@"
