"""Commands about delivery: limits and health of mailboxes, the suppression list, signing keys, the footer."""

from typing import Annotated

import typer

from outrider.cli_running import read_settings, run

suppressions = typer.Typer(no_args_is_help=True, help="Whom nothing is sent to.")
dkim = typer.Typer(no_args_is_help=True, help="Keys that sign mail where no provider does.")

User = Annotated[str, typer.Argument(help="The user's email address.")]
Address = Annotated[str, typer.Argument(help="The mailbox's address.")]
Value = Annotated[str, typer.Argument(help="An address, a domain (with those below it), or * for everybody.")]
Domain = Annotated[str, typer.Argument(help="The domain after the @.")]


def add_to(app: typer.Typer, mailboxes: typer.Typer) -> None:
    app.add_typer(suppressions, name="suppression")
    app.add_typer(dkim, name="dkim")
    app.command("footer", epilog='Example: `outrider footer ada@example.com "Example Ltd, 1 Main Road, 10115 Berlin"`')(
        footer
    )
    app.command("tracking", epilog="Example: `outrider tracking ada@example.com --clicks`")(tracking)
    mailboxes.command("list", epilog="Example: `outrider mailbox list ada@example.com`")(list_mailboxes)
    mailboxes.command("limit", epilog="Example: `outrider mailbox limit ada@example.com ada@example.com 80`")(limit)
    mailboxes.command("resume", epilog="Example: `outrider mailbox resume ada@example.com ada@example.com`")(resume)


def list_mailboxes(user: User) -> None:
    """List a user's mailboxes: limits, what holds them, how their mail was received."""
    from outrider import managing

    run(managing.show_mailboxes(read_settings(), user))


def limit(
    user: User,
    address: Address,
    daily: Annotated[int, typer.Argument(min=1, max=10_000, help="Mails in any 24 hours.")],
) -> None:
    """Set how many mails a mailbox sends in any 24 hours."""
    from outrider import managing

    run(managing.limit_mailbox(read_settings(), user, address, daily))


def resume(user: User, address: Address) -> None:
    """Let a mailbox go on that was paused, for its health or by its provider."""
    from outrider import managing

    run(managing.resume_mailbox(read_settings(), user, address))


def footer(
    user: User,
    postal_address: Annotated[str, typer.Argument(help="What stands under every mail; empty for nothing.")],
) -> None:
    """Put the sender's postal address and the way to end it all under every mail."""
    from outrider import managing

    run(managing.set_footer(read_settings(), user, postal_address))


def tracking(
    user: User,
    opens: Annotated[bool, typer.Option(help="Put a picture into every mail.")] = False,
    clicks: Annotated[bool, typer.Option(help="Lead every link through this server.")] = False,
) -> None:
    """Set what a workspace tracks; without options nothing. Opens and clicks are never taken for an answer."""
    from outrider import managing

    run(managing.set_tracking(read_settings(), user, opens=opens, clicks=clicks))


@suppressions.command("list", epilog="Example: `outrider suppression list ada@example.com`")
def list_suppressions(user: User, page: Annotated[int, typer.Option(min=1)] = 1) -> None:
    """List whom nothing is sent to, newest first, and why."""
    from outrider import managing

    run(managing.list_suppressions(read_settings(), user, page))


@suppressions.command("add", epilog="Example: `outrider suppression add ada@example.com competitor.example`")
def suppress(user: User, value: Value) -> None:
    """Send nothing more to an address or a domain."""
    from outrider import managing

    run(managing.suppress(read_settings(), user, value))


@suppressions.command("lift", epilog="Example: `outrider suppression lift ada@example.com bob@example.com`")
def lift(user: User, value: Value) -> None:
    """Take an address or a domain off the list."""
    from outrider import managing

    run(managing.lift(read_settings(), user, value))


@dkim.command("create", epilog="Example: `outrider dkim create ada@example.com example.com`")
def create_key(user: User, domain: Domain) -> None:
    """Make a domain's signing key and print the record to publish."""
    from outrider import managing

    run(managing.create_key(read_settings(), user, domain))


@dkim.command("activate", epilog="Example: `outrider dkim activate ada@example.com example.com`")
def activate_key(user: User, domain: Domain) -> None:
    """Sign a domain's mail from now on, once its key is published."""
    from outrider import managing

    run(managing.activate_key(read_settings(), user, domain))
