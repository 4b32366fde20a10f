"""A recipe -> its stages, in order. It knows recipes and kinds of stages; not how one is run, nor any room.

stages.py      the walk on one page: questions, corpora, agents, rounds
controls.py    what is trained beside the method to keep its results honest
evaluation.py  which systems are evaluated, in which arms, on whose paths
release.py     the end of a plan: a release, and corpora from elsewhere
watched.py     what a training is watched on while it goes on
shipped.py     the agents that come with the package, in the place of trainings
names.py       what these share: names of stages, how a model is sampled and assessed
cluster.py     which stages go over to a cluster
"""

from __future__ import annotations

from .cluster import goes_over
from .evaluation import seat_engine
from .names import agents_of
from .stages import plan
