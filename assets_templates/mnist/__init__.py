"""The main job: handwritten digits, few with the creator, others with each contributor."""
