#!/bin/sh
# A contributor's work: train the round's model on data that stays on this machine.
#
# Given:  DATA_DIR         the contributor's own images and labels
#         MODEL_PATH       the model of this round
#         RESULT_DIR       where the result goes
#         ROUND, CONTRIBUTOR_ID, TASK_DIR
#         ROUND_SETTINGS, STRATEGY_PATH, STATE_DIR    where the creator's strategy asks for them
set -eu
cd "${TASK_DIR:-$(dirname "$0")}"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
exec python train_model.py "$@"
