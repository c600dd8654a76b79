from __future__ import annotations

from django.urls import path

from chores.tasks.views import calendar_feed

app_name = "tasks"
urlpatterns = [path("calendar/<str:secret>.ics", calendar_feed, name="calendar")]
