from __future__ import annotations

from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "benchmarks.outage.project"
    label = "shop"
