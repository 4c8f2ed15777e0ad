"""Which OAuth providers the operator has set up."""

from typing import Literal

from outrider.api.contact_import.contract import PREFIX, Out, contract
from outrider.api.contract import PUBLIC
from outrider.api.deps import App
from outrider.settings import Settings

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
    """Says which OAuth providers are configured; files need none."""
    settings = app.settings
    google = _provider(
        settings,
        "google",
        settings.google_client_id,
        settings.google_client_secret,
        "https://console.cloud.google.com/",
    )
    microsoft = _provider(
        settings,
        "microsoft",
        settings.microsoft_client_id,
        settings.microsoft_client_secret,
        "https://portal.azure.com/",
    )
    ready = [name for name, each in (("Google", google), ("Microsoft", microsoft)) if each.configured]
    providers = Providers(google=google, microsoft=microsoft)
    if len(ready) == len(Providers.model_fields):
        return ImportHealth(status="healthy", providers=providers, message="All OAuth providers configured")
    if ready:
        return ImportHealth(status="partial", providers=providers, message=f"Only {ready[0]} is configured.")
    message = "No OAuth provider configured; files can be imported."
    return ImportHealth(status="unhealthy", providers=providers, message=message)


def _provider(settings: Settings, name: str, client_id: object, secret: object, setup_url: str) -> ProviderHealth:
    return ProviderHealth(
        configured=bool(client_id and secret),
        client_id_set=bool(client_id),
        client_secret_set=bool(secret),
        redirect_uri=f"{settings.public_url}{PREFIX}/{name}/callback",
        setup_url=setup_url,
    )
