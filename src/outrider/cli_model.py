"""The command about the language model: whether mail content may go to it, and what has gone."""

from typing import Annotated

import typer

from outrider.cli_running import read_settings, run


def consent(
    user: Annotated[str, typer.Argument(help="The address of the workspace's owner.")],
    give: Annotated[
        bool | None, typer.Option("--give/--withdraw", help="Agree in the owner's name, or not any more.")
    ] = None,
) -> None:
    """Show whether the content of a workspace's mail may go to the language model, and what has gone; change it."""
    from outrider import managing_model

    run(managing_model.consent(read_settings(), user, give=give))
