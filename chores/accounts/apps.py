from __future__ import annotations

from django.apps import AppConfig

from chores.integrity import register_check


class AccountsConfig(AppConfig):
    name = "chores.accounts"
    verbose_name = "Logins"  # allauth has an app named Accounts beside it

    def ready(self) -> None:
        register_check(self)
