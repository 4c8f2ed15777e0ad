"""Which OAuth providers the operator has set up."""

from typing import Literal

from outrider.api.contact_import.contract import Out, contract
from outrider.api.contract import PUBLIC
from outrider.api.deps import App
from outrider.domain.imports import consent
from outrider.domain.imports.models import Provider
from outrider.runtime import Runtime

router = contract.router(tag="import")


class ProviderHealth(Out):
    configured: bool
    client_id_set: bool
    client_secret_set: bool
    redirect_uri: str
    setup_url: str


class Providers(Out):
    google: ProviderHealth
    microsoft: ProviderHealth


class ImportHealth(Out):
    status: Literal["healthy", "partial", "unhealthy"]
    providers: Providers
    message: str


@router.get("/health", needs=PUBLIC, model=ImportHealth)
async def import_health(app: App) -> ImportHealth:
    """Says from which providers' accounts contacts can be imported; files need none."""
    settings = app.settings
    google = _provider(app, Provider.GOOGLE, settings.google_client_id, settings.google_client_secret)
    microsoft = _provider(app, Provider.MICROSOFT, settings.microsoft_client_id, settings.microsoft_client_secret)
    ready = [name for name, each in (("Google", google), ("Microsoft", microsoft)) if each.configured]
    providers = Providers(google=google, microsoft=microsoft)
    if len(ready) == len(Providers.model_fields):
        return ImportHealth(status="healthy", providers=providers, message="All OAuth providers configured")
    if ready:
        return ImportHealth(status="partial", providers=providers, message=f"Only {ready[0]} is configured.")
    message = "No OAuth provider configured; files can be imported."
    return ImportHealth(status="unhealthy", providers=providers, message=message)


def _provider(app: Runtime, provider: Provider, client_id: object, secret: object) -> ProviderHealth:
    return ProviderHealth(
        configured=consent.is_set_up(app, provider),
        client_id_set=bool(client_id),
        client_secret_set=bool(secret),
        redirect_uri=consent.callback_of(app, provider),
        setup_url=consent.SETUP[provider][1],
    )
