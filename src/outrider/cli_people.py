"""Commands about people: finding contacts, one contact with all that is known, edits, duplicates, merges; what is held of
somebody, and erasing it.
"""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from outrider.cli_running import read_settings, run

contacts = typer.Typer(no_args_is_help=True, help="Contacts and leads of a workspace.")

STATUSES = "new, contacted, replied, qualified, converted or lost"
User = Annotated[str, typer.Argument(help="The user's email address.")]
Whom = Annotated[str, typer.Argument(help="The contact's id, or an address of whoever asks.")]
Contact = Annotated[UUID, typer.Argument(help="The contact's id.")]


@contacts.command(
    "search", epilog="Example: `outrider contacts search ada@example.com 'grace navy' --leads --min-score 7`"
)
def search(
    user: User,
    query: Annotated[str, typer.Argument(help="Beginnings of words of names, addresses and companies.")] = "",
    leads: Annotated[bool, typer.Option("--leads", help="Only contacts in the pipeline.")] = False,
    status: Annotated[str | None, typer.Option(help=f"Leads that are {STATUSES}.")] = None,
    source: Annotated[str | None, typer.Option(help="How they came: csv, vcard, google, microsoft, …")] = None,
    owner: Annotated[str | None, typer.Option(help="The address of who looks after them.")] = None,
    tag: Annotated[str, typer.Option(help="A tag they have.")] = "",
    min_score: Annotated[float | None, typer.Option(min=0, max=10, help="The lowest score.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Contacts to list.")] = 20,
    after: Annotated[str | None, typer.Option(help="Where the page before ended, as it says.")] = None,
) -> None:
    """List contacts, the newest first. A typing error is forgiven where nothing is found."""
    from outrider import managing_people

    run(
        managing_people.search(
            read_settings(), user, query, is_lead=leads, status=status, source=source, owner=owner, tag=tag,
            min_score=min_score, limit=limit, after=after,
        )
    )  # fmt: skip


@contacts.command(
    "show", epilog="Example: `outrider contacts show ada@example.com 0198c0de-0000-7000-8000-000000000001`"
)
def show(user: User, contact: Contact) -> None:
    """Show all that is known of a contact, where it came from, and what was merged into it."""
    from outrider import managing_people

    run(managing_people.show(read_settings(), user, contact))


@contacts.command(
    "edit", epilog="Example: `outrider contacts edit ada@example.com 0198c0de-… --status qualified --score 8`"
)
def edit(
    user: User,
    contact: Contact,
    name: Annotated[str | None, typer.Option(help="The whole name.")] = None,
    notes: Annotated[str | None, typer.Option(help="Anything worth remembering.")] = None,
    status: Annotated[str | None, typer.Option(help=f"{STATUSES.capitalize()}; empty: no lead.")] = None,
    score: Annotated[float | None, typer.Option(min=0, max=10, help="How promising they are.")] = None,
    owner: Annotated[str | None, typer.Option(help="The address of who looks after them; empty: nobody.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag to put on; several may be given.")] = None,
    untag: Annotated[list[str] | None, typer.Option(help="A tag to take off; several may be given.")] = None,
) -> None:
    """Write down what you know of a contact; no import changes it any more."""
    from outrider import managing_people

    run(
        managing_people.edit(
            read_settings(), user, contact, name=name, notes=notes, status=status, score=score, owner=owner,
            tags=tag or [], no_tags=untag or [],
        )
    )  # fmt: skip


@contacts.command("merge", epilog="Example: `outrider contacts merge ada@example.com 0198c0de-… 0198c0df-…`")
def merge(
    user: User, kept: Contact, merged: Annotated[UUID, typer.Argument(help="The one that goes into it.")]
) -> None:
    """Merge a contact into another that is the same person; `unmerge` undoes it."""
    from outrider import managing_people

    run(managing_people.merge(read_settings(), user, kept, merged))


@contacts.command("unmerge", epilog="Example: `outrider contacts unmerge ada@example.com 0198c0df-…`")
def unmerge(user: User, merged: Annotated[UUID, typer.Argument(help="The id of the contact that was merged.")]) -> None:
    """Undo a merge: both contacts are again what they were, and keep what was written since."""
    from outrider import managing_people

    run(managing_people.unmerge(read_settings(), user, merged))


@contacts.command("duplicates", epilog="Example: `outrider contacts duplicates ada@example.com`")
def duplicates(user: User) -> None:
    """List contacts that may be one person: by their number and name, or by the mailbox their addresses reach."""
    from outrider import managing_people

    run(managing_people.list_duplicates(read_settings(), user))


@contacts.command(
    "export", epilog="Example: `outrider contacts export ada@example.com grace@example.org --to grace.json`"
)
def export(
    user: User,
    whom: Whom,
    to: Annotated[Path | None, typer.Option(help="A new file to write to; default standard output.")] = None,
) -> None:
    """Write everything held of a person as JSON, for the person who asks for it."""
    from outrider import managing_privacy

    run(managing_privacy.export(read_settings(), user, whom, to=to))


@contacts.command("erase", epilog="Example: `outrider contacts erase ada@example.com grace@example.org --yes`")
def erase(
    user: User, whom: Whom, yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False
) -> None:
    """Erase everything held of a person; it can't be undone, and no mail is sent to them any more."""
    from outrider import managing_privacy

    if not yes:
        typer.confirm(f"Erase everything held of {whom} in the workspace of {user}, for good?", abort=True)
    run(managing_privacy.erase(read_settings(), user, whom))
