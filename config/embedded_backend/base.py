"""The ENGINE that starts the embedded server when somebody connects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.backends.postgresql import base, client
from django.db.utils import OperationalError

from config.embedded import programs
from config.embedded.exceptions import EmbeddedServerError
from config.embedded.sharing import SharedServer

if TYPE_CHECKING:
    from collections.abc import Iterable


class DatabaseClient(client.DatabaseClient):
    """psql of the server's own version, for `manage.py dbshell`."""

    def runshell(self, parameters: Iterable[str]) -> None:
        """Start the server unless it is up, and psql."""
        self.connection.get_connection_params()
        super().runshell(parameters)

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """Name psql by its path: there may be none, or another version's, in PATH."""
        arguments, environment = super().settings_to_cmd_args_env(
            settings_dict, parameters
        )
        directory = programs.directories()[settings_dict["EMBEDDED"]["major"]]
        return [str(directory / arguments[0]), *arguments[1:]], environment


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, over a server that runs when it is needed."""

    client_class = DatabaseClient

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
