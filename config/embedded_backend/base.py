"""The ENGINE that starts the embedded server when somebody connects."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base
from django.db.utils import OperationalError

from config.embedded.exceptions import EmbeddedServerError
from config.embedded.sharing import SharedServer


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, over a server that runs when it is needed."""

    def get_connection_params(self) -> dict[str, Any]:
        """Start the server unless it is up, and return how to reach it.

        Those who connect without Django ask here too, so it starts for them.
        """
        server = SharedServer.of(**self.settings_dict["EMBEDDED"])
        try:
            server.ensure()
        except EmbeddedServerError as error:
            raise OperationalError(str(error)) from error
        return {**super().get_connection_params(), "host": str(server.place.socket)}
