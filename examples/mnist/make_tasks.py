"""Makes the main job's folders: a trained model, three tasks to post, each person's own data.

python examples/mnist/make_tasks.py JOB
decentralml creator create-task JOB/tasks/contribution --model JOB/creator/model/model.keras …
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from assets_templates.mnist.job import FULL, QUICK, make_job
from decentralml.learning.datasets import load_digits, mnist_folder


def main() -> None:
    """Parses the options, makes the job, and says what is where."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="new or empty")
    parser.add_argument("--contributors", type=int, default=FULL.contributors)
    parser.add_argument("--annotators", type=int, default=FULL.annotators)
    parser.add_argument("--quick", action="store_true", help="fewer examples, one round")
    parser.add_argument("--download", type=Path, metavar="FOLDER", help="fetch MNIST to here")
    options = parser.parse_args()
    plan = replace(
        QUICK if options.quick else FULL,
        contributors=options.contributors,
        annotators=options.annotators,
    )
    digits = load_digits(mnist_folder(), options.download)
    job = make_job(options.folder, digits, plan)
    print(f"digits: {job.source}")
    for path in sorted(job.folder.rglob("*")):
        if path.is_file():
            print(path)


if __name__ == "__main__":
    main()
