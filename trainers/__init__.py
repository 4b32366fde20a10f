"""Make the agents: a base from nothing, SFT for either seat, one DPO round.

tiny.py      a standard architecture from a config, with a tokenizer made here
sft.py       supervised fine-tuning on a corpus, with TRL
dpo.py       one DPO round on a preference corpus, with TRL
options.py   which of TRL's options a recipe sets, and which we set for it
card.py      the model card beside the weights
"""
