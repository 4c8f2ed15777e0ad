"""What the command about the language model does: the workspace's consent, and what was asked with it."""

from datetime import timedelta

import typer

from outrider.core.clock import now
from outrider.core.errors import Forbidden
from outrider.domain.accounts import queries as accounts
from outrider.domain.accounts.permissions import Permission
from outrider.domain.llm import consent as consents
from outrider.domain.llm import queries
from outrider.operating import acting
from outrider.settings import Settings

COUNTED = timedelta(days=30)


async def consent(settings: Settings, user: str, *, give: bool | None) -> None:
    async with acting(settings, user) as (runtime, actor, db):
        model = runtime.language_model
        if give is not None and not actor.may(Permission.WORKSPACE_WRITE):
            raise Forbidden(f"{actor.email} does not own the workspace: only its owner can agree or withdraw.")
        if give is True:
            await consents.give(db, actor.workspace_id, actor.user_id, model)
        elif give is False:
            await consents.withdraw(db, actor.workspace_id, actor.user_id)
        given = await consents.find(db, actor.workspace_id)
        giver = await accounts.get_user(db, given.user_id) if given else None
        used = await queries.used(db, actor.workspace_id, now() - COUNTED)
    typer.echo(f"{model.name} at {model.host}" if model else "No language model is set up: OPENAI_API_KEY is not set.")
    if given is None or giver is None:
        typer.echo("The workspace has not agreed: no mail content leaves this server for it.")
    else:
        typer.echo(f"{giver.email} agreed on {given.given_at:%Y-%m-%d %H:%M} UTC:\n  {given.wording}")
        if model is not None and model.host != given.host:
            typer.echo(f"That was for {given.host}: nothing goes to {model.host} before they agree anew.")
    for each in used:
        typer.echo(
            f"last 30 days, {each.purpose}: {each.questions} questions, {each.failures} without an answer,"
            f" {each.characters} characters left, {each.input_tokens + each.output_tokens} tokens,"
            f" ${each.cost_micros / 1_000_000:.4f}"
        )
