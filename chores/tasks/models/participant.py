from __future__ import annotations

from django.db import models


class ChoreParticipantManager(models.Manager["ChoreParticipant"]):
    def get_by_natural_key(self, slug: str, chore: str, name: str) -> ChoreParticipant:
        return self.get(
            household__slug=slug,
            chore__name=chore,
            chore__archived_at__isnull=True,
            member__name=name,
            member__left_at__isnull=True,
        )


class ChoreParticipant(models.Model):
    """Who takes part in a chore; a chore without any is for all but guests."""

    household = models.ForeignKey("households.Household", models.CASCADE)
    chore = models.ForeignKey(
        "tasks.Chore",
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="participants",
    )
    member = models.ForeignKey(
        "households.Membership",
        models.CASCADE,
        db_constraint=False,
        related_name="participations",
    )
    position = models.PositiveSmallIntegerField(default=0)

    objects = ChoreParticipantManager()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["chore", "member"],
                name="participant_once",
                violation_error_message="This member takes part already.",
            ),
            models.UniqueConstraint(
                fields=["chore", "position"],
                name="participant_position",
                deferrable=models.Deferrable.DEFERRED,
                violation_error_message="Two members have the same position.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.member}"

    def natural_key(self) -> tuple[str, str, str]:
        return (*self.chore.natural_key(), self.member.name)

    natural_key.dependencies = [  # type: ignore[attr-defined]
        "households.membership",
        "tasks.chore",
    ]
