#!/bin/sh
# A contributor's work: train the round's model on data that stays on this machine.
#
# Given:  DATA_DIR     the contributor's own images and labels
#         MODEL_PATH   the model of this round
#         RESULT_DIR   where the result goes
#         ROUND, CONTRIBUTOR_ID, TASK_DIR
set -eu
cd "${TASK_DIR:-$(dirname "$0")}"
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
export TF_ENABLE_ONEDNN_OPTS="${TF_ENABLE_ONEDNN_OPTS:-0}"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"
exec python train_model.py "$@"
