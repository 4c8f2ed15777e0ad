"""The `outrider` command: everything an operator does."""

import gc
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from outrider import cli_delivery, cli_model, cli_people
from outrider.cli_running import ask_password, read_settings, read_settings_to_start, run
from outrider.providers.mail.interface import Security, Server, usual_security
from outrider.settings import new_secrets

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", pretty_exceptions_show_locals=False
)
users = typer.Typer(no_args_is_help=True, help="Users of this server.")
mailboxes = typer.Typer(no_args_is_help=True, help="Mailboxes that follow-ups leave from.")
audit = typer.Typer(no_args_is_help=True, help="The record of every change, and whether somebody changed it.")
app.add_typer(users, name="user")
app.add_typer(mailboxes, name="mailbox")
app.add_typer(audit, name="audit")
cli_delivery.add_to(app, mailboxes)
app.add_typer(cli_people.contacts, name="contacts")
app.command("consent", epilog="Example: `outrider consent ada@example.com --give`")(cli_model.consent)

Port = Annotated[int | None, typer.Option(help="Port to listen on; default OUTRIDER_PORT or 8700.")]
Host = Annotated[str | None, typer.Option(help="Address to listen on; default OUTRIDER_HOST or 127.0.0.1.")]


@app.callback()
def about() -> None:
    """Outrider follows up your sent mail until a person answers.

    Settings come from the environment and `.env`; `.env.example` lists them all.
    """


@app.command(epilog="Example: `outrider serve --port 8700 --no-worker`")
def serve(
    host: Host = None,
    port: Port = None,
    worker: Annotated[bool, typer.Option(help="Run a worker in this process too.")] = True,
) -> None:
    """Serve the API, with a worker in the same process."""
    given = {"OUTRIDER_HOST": host, "OUTRIDER_PORT": port}
    settings = read_settings_to_start(**{name: value for name, value in given.items() if value is not None})

    from outrider import serving  # the whole application: not before the settings are known to be good

    run(serving.serve(settings, with_worker=worker))


@app.command(epilog="Example: `outrider worker` on each machine that shares DATABASE_URL")
def worker() -> None:
    """Run a worker alone, beside any number of others."""
    settings = read_settings_to_start()

    from outrider import working

    run(working.work(settings))


@app.command(epilog="Example: `DATABASE_URL=postgresql://owner@db/outrider outrider migrate`")
def migrate() -> None:
    """Bring the database to this release's schema, and set up the application's role."""
    from outrider import operating

    run(operating.migrate(read_settings()))


@app.command(epilog="Example: `outrider doctor`")
def doctor() -> None:
    """Check database, migrations, roles, keys, clock, worker and each mailbox's servers; say what to do."""
    from outrider import doctor as checks

    if not run(checks.run(read_settings())):
        raise typer.Exit(1)


@app.command(epilog="Example: `outrider retention --dry-run`")
def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go, class by class.")] = False,
) -> None:
    """Let go what has been kept longer than OUTRIDER_KEEP_… say; workers do so by themselves every six hours."""
    from outrider import managing_privacy

    run(managing_privacy.tidy(read_settings(), dry_run=dry_run))


@app.command(epilog="Example: `outrider keys >> .env`")
def keys() -> None:
    """Print fresh values for the two secret settings."""
    for name, value in new_secrets().items():
        typer.echo(f"{name}={value}")


@app.command(epilog="Example: `outrider routes --json`")
def routes(json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False) -> None:
    """List every route: surface, method, path, what it needs."""
    from outrider import routes

    routes.print_routes(as_json=json)


@app.command(epilog="Example: `outrider demo`")
def demo() -> None:
    """Show the main job on local servers: an import, a harvest, four follow-ups, a call. Takes under a minute."""
    from outrider.demo import show

    if not run(show.run()):
        raise typer.Exit(1)


@app.command(epilog="Example: `outrider why ada@example.com 01a9c6f3-77aa-7e42-a1d0-9b2c8d7e6f05`")
def why(
    user: Annotated[str, typer.Argument(help="The user's email address.")],
    id: Annotated[UUID, typer.Argument(help="An enrollment's, schedule's or sequence's id.")],  # its name
) -> None:
    """Say why a follow-up, or a whole sequence, has not left yet, and when it is tried next."""
    from outrider import operating

    run(operating.why(read_settings(), user, id))


@users.command("sessions", epilog="Example: `outrider user sessions ada@example.com --revoke ID`")
def list_sessions(
    user: Annotated[str, typer.Argument(help="The user's email address.")],
    revoke: Annotated[UUID | None, typer.Option(help="End this session: its next request is refused.")] = None,
) -> None:
    """List where a user is signed in."""
    from outrider import operating

    run(operating.list_sessions(read_settings(), user, revoke=revoke))


@users.command("keys", epilog="Example: `outrider user keys ada@example.com --create 'night import'`")
def list_keys(
    user: Annotated[str, typer.Argument(help="The user's email address.")],
    create: Annotated[str | None, typer.Option(help="Make a key of this name and print it once.")] = None,
    revoke: Annotated[UUID | None, typer.Option(help="Revoke this key: its next request is refused.")] = None,
) -> None:
    """List a user's access keys."""
    from outrider import operating

    run(operating.list_keys(read_settings(), user, create=create, revoke=revoke))


@users.command("create", epilog="Example: `outrider user create ada@example.com --name 'Ada Lovelace'`")
def create_user(
    email: Annotated[str, typer.Argument(help="What they sign in with.")],
    name: Annotated[str, typer.Option(help="Shown to recipients.")] = "",
    timezone: Annotated[str, typer.Option(help="An IANA name.")] = "UTC",
    access_key: Annotated[
        bool, typer.Option("--access-key", help="Also make an access key and print it once.")
    ] = False,
) -> None:
    """Create a user with a workspace of their own. Asks for the password, or reads it from standard input."""
    from outrider import operating

    password = ask_password()
    run(operating.create_user(read_settings(), email, password, name=name, timezone=timezone, with_key=access_key))


@mailboxes.command(
    "connect",
    epilog="Example: `outrider mailbox connect ada@example.com --host imap.example.com --smtp-host smtp.example.com`",
)
def connect_mailbox(
    user: Annotated[str, typer.Argument(help="The user's email address.")],
    host: Annotated[str, typer.Option(help="The IMAP server.")],
    port: Annotated[int, typer.Option(help="993 speaks TLS from the start, others STARTTLS.")] = 993,
    smtp_host: Annotated[str | None, typer.Option(help="The SMTP server; default the IMAP server.")] = None,
    smtp_port: Annotated[int, typer.Option(help="465 speaks TLS from the start, others STARTTLS.")] = 465,
    security: Annotated[Security | None, typer.Option(help="How IMAP is secured; default by the port.")] = None,
    smtp_security: Annotated[Security | None, typer.Option(help="How SMTP is secured; default by the port.")] = None,
    address: Annotated[str | None, typer.Option(help="The mailbox's address; default the user's.")] = None,
    username: Annotated[str | None, typer.Option(help="The login name; default the address.")] = None,
    name: Annotated[str, typer.Option(help="Shown as the sender.")] = "",
) -> None:
    """Connect a mailbox by IMAP and SMTP, verifying both. Asks for its password."""
    from outrider import operating

    password = ask_password()
    run(
        operating.connect_mailbox(
            read_settings(),
            user=user,
            address=address or user,
            username=username or address or user,
            password=password,
            imap=Server(host, port, security or usual_security(port)),
            smtp=Server(smtp_host or host, smtp_port, smtp_security or usual_security(smtp_port)),
            name=name,
        )
    )


@audit.command("verify", epilog="Example: `outrider audit verify --heads /backup/audit-heads.jsonl`")
def verify_audit(
    heads: Annotated[
        Path | None, typer.Option(help="Heads kept elsewhere; default the file in the data folder.")
    ] = None,
    workspace: Annotated[UUID | None, typer.Option(help="Look at this workspace alone.")] = None,
) -> None:
    """Find what was changed, deleted or cut off in the audit trail. Exits with 1 where something was."""
    from outrider import managing_audit

    if not run(managing_audit.verify(read_settings(), heads, workspace)):
        raise typer.Exit(1)


@audit.command("heads", epilog="Example: `outrider audit heads >> /backup/audit-heads.jsonl`")
def print_heads() -> None:
    """Print the last seal of each workspace's trail, to be kept where nobody who writes to the database can reach."""
    from outrider import managing_audit

    run(managing_audit.print_heads(read_settings()))


def main() -> None:
    gc.disable()  # what is imported now stays: looking through it again and again takes a fifth of the start
    app()
