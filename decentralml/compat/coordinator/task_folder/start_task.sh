#!/bin/sh
# The participants of this task bring their own code: see README.md.
echo "This task is done by XAIN participants, through its creator's coordinator." >&2
echo "Ask the creator for the coordinator's URL and run your participant against it." >&2
exit 1
