"""What is known of families of models: a file a family, and which of them a model is of.

    *.yaml        the families: how a path is asked for, the system prompt, where thought stands, the thinking switch,
                  sampling, token caps, pixel bounds
    profile.py    what such a file may say, and how it is read
    choose.py     by which of them a model is asked: told by its name, its type or its chat template

It knows no engine and no recipe: `settings` lays a profile under what a recipe says itself.
"""

from __future__ import annotations

from .choose import Chosen, chat_template, choose, is_trained_here, model_type
from .profile import NONE, Profile, Prompts, Switch, load_profile, profile_names
