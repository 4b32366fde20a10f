"""Make the agents: a base from nothing or one that is there, SFT for either seat, one DPO round.

pretrained.py   a base that is there already: a folder, a Hub id
tiny.py         a standard architecture from a config, with a tokenizer made here
sft.py, dpo.py  supervised fine-tuning, and one DPO round, with TRL
reference.py    the reference's log-probabilities, computed once and kept
job.py          one training as it is told; launch.py, launched.py: in this process or in several
last_words.py   why one of several failed
rows.py, kept_rows.py  which rows are trained on: measured, the others left out with a reason
turns.py        no loss on what the user says between two turns of a completion
weights.py      what is trained: all, all but the vision tower, or LoRA
options.py      which of TRL's options a recipe sets, and which we set for it; machine.py: what it asks of the machine
watch.py        what is seen while it trains, and what stops a round; bar.py: how far it is; curves.py: a figure of it
families.py, random_models.py, memory.py  the shapes of real families, random weights of them, what they take
gpu_report.py   what a GPU does with them: step_times.py (step_setup.py, step_rows.py, bare_steps.py, trl_steps.py),
                and the whole loop (gpu_loop.py)
troubles.py     what may go wrong meanwhile, in a user's words
card.py         the model card beside the weights
"""
