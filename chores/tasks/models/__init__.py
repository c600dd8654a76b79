from __future__ import annotations

from chores.tasks.models.chore import Assign, Chore, Schedule, TurnEvery
from chores.tasks.models.completion import ChoreCompletion, State
from chores.tasks.models.occurrence import Occurrence, Status
from chores.tasks.models.participant import ChoreParticipant

__all__ = [
    "Assign",
    "Chore",
    "ChoreCompletion",
    "ChoreParticipant",
    "Occurrence",
    "Schedule",
    "State",
    "Status",
    "TurnEvery",
]
