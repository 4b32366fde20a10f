"""Make the agents: a base from nothing or one that is there, SFT and GRPO for either seat, DPO rounds.

sft.py, dpo.py, grpo.py  a training method each: its rows, TRL's options and trainer, and the stages that it is
rewards.py      what a sampled reply earns in GRPO
methods.py      what a method tells of itself
train.py        one training from its rows to its card, whatever the method
launch.py       the same in several processes, which worker.py is one of; how far it is
watch.py        accuracy on validation questions while a model trains
job.py          one training as it is told to the process that does it
training.py     loading, checkpoints, and a model folder that is whole or absent
machine.py      what a training asks of the machine; compute.py: how much it computes
errors.py       what may go wrong meanwhile, in a user's words
data/           which rows are trained on, and how they reach the model
options/        what a recipe may set of TRL's and PEFT's options
models/         a base from nothing, or one that is there already
trl/            all that overrides or reaches into TRL, transformers and accelerate
report/         the model card beside the weights, and the curves

To add a method: a file beside `sft.py`, a section in `insightv_bench/settings/training.py`, its row in
`insightv_bench/stages/kinds.py`, its stages in `insightv_bench/plan`. This room makes no corpus and judges no model.
"""
