"""Name allauth's tables as this project does.

Never squash this into 0001: allauth's usersessions depends on the user model.
"""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_expand_user"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
        ("usersessions", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("socialaccount.socialaccount",),
        ),
        migrations.CreateModel(
            name="Session",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("usersessions.usersession",),
        ),
    ]
