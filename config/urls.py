from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

admin.site.site_header = "Household chores"
admin.site.site_title = "Household chores"
admin.site.site_url = None  # there is no page but these

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("chores.tasks.urls")),
]
