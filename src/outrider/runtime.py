"""What a running process has at hand: the database, the vault's keys, the ways to the outside."""

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import URL

from outrider.core import migrations
from outrider.core.clock import Clock
from outrider.core.crypto import Keyring
from outrider.core.db import Database, as_asyncpg
from outrider.core.egress import Egress
from outrider.core.embedded import OWNER, EmbeddedServer
from outrider.core.shared import Shared
from outrider.core.shared_postgres import PostgresStore
from outrider.core.shared_redis import RedisStore
from outrider.core.tokens import AccessTokens
from outrider.providers.calendar.caldav import Caldav
from outrider.providers.calendar.google import GoogleCalendars
from outrider.providers.calendar.ics import PublishedCalendars
from outrider.providers.calendar.interface import CalendarProvider
from outrider.providers.calendar.microsoft import MicrosoftCalendars
from outrider.providers.contacts.google import GooglePeople
from outrider.providers.contacts.interface import ContactProvider
from outrider.providers.contacts.microsoft import OutlookContacts
from outrider.providers.llm.interface import LanguageModel
from outrider.providers.llm.openai import Door, OpenAiChat, Prices, known_prices
from outrider.providers.mail.connecting import Network
from outrider.providers.mail.dns import Dns
from outrider.providers.mail.gmail import Gmail
from outrider.providers.mail.gmail_push import GmailPush
from outrider.providers.mail.graph import Graph
from outrider.providers.mail.graph_push import GraphPush
from outrider.providers.mail.imap_smtp import ImapSmtp
from outrider.providers.mail.interface import MailProvider
from outrider.providers.mail.sandbox import Parser
from outrider.providers.oauth import google as google_oauth
from outrider.providers.oauth import microsoft as microsoft_oauth
from outrider.providers.oauth.code_flow import Client
from outrider.providers.oauth.interface import OAuthProvider
from outrider.providers.oauth.keys import SigningKeys
from outrider.providers.speech.espeak import Espeak
from outrider.providers.speech.interface import Speaker
from outrider.providers.speech.openai import OpenAiSpeech
from outrider.providers.voice.interface import Carrier
from outrider.providers.voice.twilio import Credentials, Twilio
from outrider.settings import Settings

# Of mail: children, each holding some 30 MiB once it is needed.
MOST_READERS = 4


@dataclass(frozen=True, slots=True)
class Telephone:
    """Who carries calls, and the number that they come from."""

    carrier: Carrier
    number: str


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    db: Database
    clock: Clock
    keyring: Keyring
    tokens: AccessTokens
    egress: Egress
    dns: Dns
    mail: Mapping[str, MailProvider[Any]]
    calendars: Mapping[str, CalendarProvider[Any]]
    oauth: Mapping[str, OAuthProvider]
    contacts: Mapping[str, ContactProvider]
    push: GmailPush | None
    graph_push: GraphPush | None
    parser: Parser
    telephone: Telephone | None
    speakers: Mapping[str, Speaker]
    language_model: LanguageModel | None
    shared: Shared | None


@dataclass(frozen=True, slots=True)
class Addresses:
    """The database as its two roles see it."""

    owner: URL
    app: URL


def addresses(settings: Settings, embedded: EmbeddedServer | None) -> Addresses:
    """Works out both roles' addresses. With an outside server the application's is derived unless given."""
    if embedded is not None:
        return Addresses(as_asyncpg(embedded.url(OWNER)), as_asyncpg(embedded.url(settings.database_app_role)))
    if settings.database_url is None or settings.encryption_keys is None:
        raise ValueError("An outside database needs DATABASE_URL and OUTRIDER_ENCRYPTION_KEYS.")
    owner = as_asyncpg(settings.database_url.get_secret_value())
    if settings.database_app_url is not None:
        return Addresses(owner, as_asyncpg(settings.database_app_url.get_secret_value()))
    role = settings.database_app_role
    # From the owner's password where there is one: that stays the same while the encryption keys are exchanged.
    password = migrations.derived_password(owner.password or settings.encryption_keys.get_secret_value(), role)
    return Addresses(owner, owner.set(username=role, password=password))


@asynccontextmanager
async def open_runtime(settings: Settings, database_url: URL, *, name: str = "outrider") -> AsyncIterator[Runtime]:
    """Builds a process's runtime and closes it at the end. Touches neither database nor network."""
    if settings.jwt_secret is None or settings.encryption_keys is None:
        raise ValueError("The settings must come from outrider.settings.load.")
    trust = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    egress = Egress(allow=settings.egress_allow, ssl_context=trust)
    database = Database(
        database_url, pool_size=settings.database_pool, name=name, through_pooler=settings.database_pooler
    )
    parser = Parser(processes=min(os.cpu_count() or 1, MOST_READERS))
    keys = SigningKeys(egress, settings.google_certs_url, issuers=settings.google_issuers)
    graph_push = _graph_push(settings)
    shared = _shared(settings, database_url, name)
    imap = ImapSmtp(Network(egress, trust, frozenset(settings.unencrypted_mail_hosts)))
    try:
        yield Runtime(
            settings=settings,
            db=database,
            clock=Clock(rate=settings.clock_rate),
            keyring=Keyring(settings.encryption_keys.get_secret_value()),
            tokens=AccessTokens(
                settings.jwt_secret.get_secret_value(), issuer="outrider", ttl=settings.access_token_ttl
            ),
            egress=egress,
            dns=Dns(settings.name_servers),
            mail={
                "imap": imap,
                "google": Gmail(egress, settings.gmail_api_url, topic=settings.gmail_topic, shared=shared),
                "microsoft": Graph(egress, f"{settings.graph_url}/v1.0", push=graph_push, shared=shared),
            },
            calendars=_calendars(settings, egress),
            oauth=_oauth(settings, egress, keys),
            contacts=_contacts(settings, egress),
            push=_push(settings, keys),
            graph_push=graph_push,
            parser=parser,
            telephone=_telephone(settings, egress),
            speakers=_speakers(settings, egress),
            language_model=_language_model(settings, egress),
            shared=shared,
        )
    finally:
        imap.close()
        await parser.aclose()
        if shared is not None:
            await shared.aclose()
        await database.aclose()
        await egress.aclose()


def _shared(settings: Settings, database_url: URL, name: str) -> Shared | None:
    """What processes count together; nothing where the embedded database allows one process alone."""
    if settings.redis_url is not None:
        return Shared(RedisStore(settings.redis_url.get_secret_value(), ca_file=settings.ca_file))
    if settings.is_embedded:
        return None
    return Shared(PostgresStore(database_url, name=f"{name}-limits", through_pooler=settings.database_pooler))


def _calendars(settings: Settings, egress: Egress) -> dict[str, CalendarProvider[Any]]:
    return {
        "google": GoogleCalendars(egress, settings.google_calendar_url),
        "microsoft": MicrosoftCalendars(egress, settings.graph_url),
        "caldav": Caldav(egress, unencrypted=settings.unencrypted_mail_hosts),
        "ics": PublishedCalendars(egress),
    }


def _oauth(settings: Settings, egress: Egress, keys: SigningKeys) -> dict[str, OAuthProvider]:
    """The providers that the operator has set up: mailboxes by their name, address books as `<name>_contacts`,
    calendars as `<name>_calendars`.
    """
    found: dict[str, OAuthProvider] = {}
    google = google_oauth.Endpoints(
        settings.google_auth_url, settings.google_token_url, settings.google_revoke_url, settings.google_inspect_url
    )
    for name, client, purpose in (
        ("google", settings.google_client, google_oauth.MAIL),
        ("google_contacts", settings.google_contacts_client, google_oauth.CONTACTS),
        ("google_calendars", settings.google_calendar_client, google_oauth.CALENDARS),
    ):
        if client is not None:
            found[name] = google_oauth.GoogleOAuth(egress, Client(*client), google, keys, purpose=purpose)
    microsoft = microsoft_oauth.Authority(settings.microsoft_login_url, settings.microsoft_tenant)
    theirs = SigningKeys(egress, microsoft.keys, issuers=[microsoft.issuer])
    for name, client, purpose in (
        ("microsoft", settings.outlook_client, microsoft_oauth.MAIL),
        ("microsoft_contacts", settings.microsoft_client, microsoft_oauth.CONTACTS),
        ("microsoft_calendars", settings.outlook_client, microsoft_oauth.CALENDARS),
    ):
        if client is not None:
            found[name] = microsoft_oauth.MicrosoftOAuth(egress, Client(*client), microsoft, theirs, purpose=purpose)
    return found


def _contacts(settings: Settings, egress: Egress) -> dict[str, ContactProvider]:
    return {
        "google": GooglePeople(egress, settings.people_api_url),
        "microsoft": OutlookContacts(egress, settings.graph_url),
    }


def _telephone(settings: Settings, egress: Egress) -> Telephone | None:
    token = settings.twilio_auth_token
    if not settings.twilio_account_sid or not token or not settings.twilio_phone_number:
        return None
    credentials = Credentials(settings.twilio_account_sid, token.get_secret_value())
    return Telephone(Twilio(egress, settings.twilio_api_url, credentials), settings.twilio_phone_number)


def _speakers(settings: Settings, egress: Egress) -> dict[str, Speaker]:
    """The one on this machine as `local`; where a key is set, one elsewhere as `outside`."""
    found: dict[str, Speaker] = {"local": Espeak()}
    if settings.openai_api_key is not None:
        found["outside"] = OpenAiSpeech(egress, settings.openai_api_url, settings.openai_api_key.get_secret_value())
    return found


def _language_model(settings: Settings, egress: Egress) -> LanguageModel | None:
    """OpenAI's where its key is set; a server of one's own is told no key but the one that is meant for it."""
    url, key = settings.openai_chat_url, settings.openai_chat_key
    if url is None:
        url, key = settings.openai_api_url, settings.openai_chat_key or settings.openai_api_key
        if key is None:
            return None
    model, price = settings.openai_chat_model, settings.openai_chat_price
    # What is known of prices is known of OpenAI's own.
    known = known_prices(model) if settings.openai_chat_url is None else None
    return OpenAiChat(
        egress,
        Door(
            base_url=url,
            model=model,
            key=key.get_secret_value() if key else None,
            prices=Prices(*price) if price else known,
            at_once=settings.openai_chat_concurrency,
        ),
    )


def _push(settings: Settings, keys: SigningKeys) -> GmailPush | None:
    if settings.gmail_push_account is None:
        return None
    own = [f"{settings.public_url}{path}" for path in ("/webhooks/gmail", "/api/gmail/webhook")]
    audiences = [settings.gmail_push_audience] if settings.gmail_push_audience else own
    return GmailPush(keys, audiences=audiences, account=settings.gmail_push_account)


def _graph_push(settings: Settings) -> GraphPush | None:
    """Microsoft calls https alone; any address can be named where something stands between."""
    url = settings.microsoft_notification_url
    if url is None and settings.public_url.startswith("https://"):
        url = f"{settings.public_url}/webhooks/microsoft"
    if url is None or settings.jwt_secret is None:
        return None
    return GraphPush(url, settings.jwt_secret.get_secret_value())
