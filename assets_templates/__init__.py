"""Ready task folders: what a creator posts, and what the workers' machines run.

    keras/              load, train, evaluate, redefine, federate: Keras and NumPy alone
    keras/creator       build_model.py: the model that round 1 begins with
    keras/contributor   start_task.sh: train the round's model on data that stays where it is
    keras/engineer      start_task.sh: change the model's structure, show that it works
    pytorch/            a module and a step function, train, evaluate, federate: PyTorch alone
    pytorch/contributor start_task.sh: the same for PyTorch, with FedProx and SCAFFOLD
    annotation          start_task.sh: items and a question, answers as JSON lines
    mnist               the main job, made from these (the only one that imports decentralml)

A task folder is one of them with the folder above it, all files side by side
(``decentralml.roles.templates.new_task_folder`` makes it). Each script also runs by hand.
"""
