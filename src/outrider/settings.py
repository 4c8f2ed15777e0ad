"""Every setting, read from the environment and `.env`; names are those the wire contracts fixed, else OUTRIDER_*.

Secrets have no defaults. With the embedded database they are made on first start and kept in the data
folder; with an outside database they must be given, and nothing starts without them.
"""

import base64
import contextlib
import os
import re
import secrets
import socket
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SHORTEST_SECRET = 32
PLACEHOLDERS = {"changeme", "change-me", "secret", "...", "your-secret", "default"}


class SettingsError(Exception):
    """The settings can't be used; the message says which and what to do."""


def parse_duration(text: str) -> timedelta:
    """Reads `7d`, `12h`, `30m`, `45s` or plain seconds."""
    match = re.fullmatch(r"(\d{1,9})([smhdw]?)", text.strip().lower())
    if not match:
        raise ValueError("write a duration such as 7d, 12h, 30m or 45s")
    return (
        int(match[1])
        * {
            "": timedelta(seconds=1),
            "s": timedelta(seconds=1),
            "m": timedelta(minutes=1),
            "h": timedelta(hours=1),
            "d": timedelta(days=1),
            "w": timedelta(weeks=1),
        }[match[2]]
    )


def _read_duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


def _split(value: Any) -> Any:
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


def _long_enough(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text.encode()) < SHORTEST_SECRET or text.strip().lower() in PLACEHOLDERS:
        raise ValueError("must be at least 32 random bytes; make one with: openssl rand -base64 48")
    return value


def _web_url(value: str) -> str:
    parts = urlsplit(value)
    is_local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
        raise ValueError("must be an https address (http only on this machine)")
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("must be an address without user name, query and fragment")
    return value.rstrip("/")


def _prices(value: Any) -> Any:
    """Reads `0.40/1.60`: US dollars for a million tokens, in and out."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?/[0-9]{1,6}(\.[0-9]{1,6})?", value.strip()):
        raise ValueError("write US dollars for a million tokens, in and out, such as 0.40/1.60")
    return tuple(Decimal(each) for each in value.strip().split("/"))


def _or_none(value: Any) -> Any:
    return value or None


def _redis_url(value: SecretStr | None) -> SecretStr | None:
    if value and not re.match(r"(rediss?://|unix:/)", value.get_secret_value()):
        raise ValueError("must be an address such as redis://:password@host:6379/0, rediss:// or unix:///path")
    return value


def _app_scheme(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9+.-]{0,63}", value) or value in {"http", "https", "javascript", "data", "file"}:
        raise ValueError("must be the scheme of an app's own links, such as everreach")
    return value


def _read_limit(value: Any) -> Any:
    return None if value in ("", "forever") else _read_duration(value)


def _everybody_in_development(others: dict[str, Any]) -> tuple[str, ...]:
    return ("*",) if others.get("environment") == "development" else ()


Limit = Annotated[timedelta | None, BeforeValidator(_read_limit)]
Duration = Annotated[timedelta, BeforeValidator(_read_duration)]
LongSecret = Annotated[SecretStr, AfterValidator(_long_enough)]
RedisUrl = Annotated[SecretStr | None, BeforeValidator(lambda value: value or None), AfterValidator(_redis_url)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
Prices = Annotated[tuple[Decimal, Decimal], NoDecode, BeforeValidator(_prices)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, populate_by_name=True)

    # Where it runs
    environment: Literal["development", "production"] = Field("development", alias="OUTRIDER_ENV")
    data_dir: Path = Field(Path("data"), alias="OUTRIDER_DATA_DIR")
    host: str = Field("127.0.0.1", alias="OUTRIDER_HOST")
    port: int = Field(8700, alias="OUTRIDER_PORT", ge=0, le=65535)
    base_url: str | None = Field(None, alias="NEXT_PUBLIC_BASE_URL")
    frontend_url: str | None = Field(None, alias="NEXT_PUBLIC_FRONTEND_URL")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", alias="OUTRIDER_LOG_LEVEL")
    log_json: bool | None = Field(None, alias="OUTRIDER_LOG_JSON")
    cors_origins: Words = Field((), alias="OUTRIDER_CORS_ORIGINS")
    trusted_proxies: Words = Field((), alias="OUTRIDER_TRUSTED_PROXIES")

    # Database: DATABASE_URL belongs to the owner, who migrates; the application connects as another role
    database_url: SecretStr | None = Field(None, alias="DATABASE_URL")
    database_app_url: SecretStr | None = Field(None, alias="DATABASE_APP_URL")
    database_app_role: str = Field("outrider_app", alias="DATABASE_APP_ROLE", pattern=r"^[a-z_][a-z0-9_]{0,62}$")
    database_pool: int = Field(10, alias="OUTRIDER_DATABASE_POOL", ge=2, le=100)
    database_pooler: bool = Field(False, alias="OUTRIDER_DATABASE_POOLER")
    redis_url: RedisUrl = Field(None, alias="REDIS_URL")

    # Secrets
    jwt_secret: LongSecret | None = Field(None, alias="JWT_SECRET")
    jwt_expires_in: Duration = Field(parse_duration("7d"), alias="JWT_EXPIRES_IN")
    access_token_ttl: Duration = Field(parse_duration("15m"), alias="OUTRIDER_ACCESS_TOKEN_TTL")
    encryption_keys: SecretStr | None = Field(None, alias="OUTRIDER_ENCRYPTION_KEYS")

    # Outgoing connections: hosts, addresses or networks, with an optional :port, let through the guard
    egress_allow: Words = Field((), alias="OUTRIDER_EGRESS_ALLOW")
    unencrypted_mail_hosts: Words = Field((), alias="OUTRIDER_UNENCRYPTED_MAIL_HOSTS")
    ca_file: Path | None = Field(None, alias="OUTRIDER_CA_FILE")
    dns_servers: Words = Field((), alias="OUTRIDER_DNS_SERVERS")

    # Sending and syncing
    daily_limit: int = Field(50, alias="OUTRIDER_MAILBOX_DAILY_LIMIT", ge=1, le=10_000)
    domain_daily_limit: int = Field(200, alias="OUTRIDER_DOMAIN_DAILY_LIMIT", ge=1, le=100_000)
    company_daily_limit: int = Field(20, alias="OUTRIDER_COMPANY_DAILY_LIMIT", ge=1, le=100_000)
    ramp_start: int = Field(10, alias="OUTRIDER_RAMP_START", ge=1, le=100_000)
    ramp_step: int = Field(5, alias="OUTRIDER_RAMP_STEP", ge=0, le=100_000)
    send_gap_min: Duration = Field(parse_duration("3m"), alias="OUTRIDER_SEND_GAP_MIN")
    send_gap_max: Duration = Field(parse_duration("10m"), alias="OUTRIDER_SEND_GAP_MAX")
    send_concurrency: int = Field(20, alias="OUTRIDER_SEND_CONCURRENCY", ge=1, le=200)
    lease: Duration = Field(parse_duration("15m"), alias="OUTRIDER_SEND_LEASE")
    unknown_first_look: Duration = Field(parse_duration("60s"), alias="OUTRIDER_UNKNOWN_FIRST_LOOK")
    unknown_last_look: Duration = Field(parse_duration("10m"), alias="OUTRIDER_UNKNOWN_LAST_LOOK")
    sync_history: Duration = Field(parse_duration("90d"), alias="OUTRIDER_SYNC_HISTORY")
    sync_at_most: int = Field(10_000, alias="OUTRIDER_SYNC_AT_MOST", ge=1, le=1_000_000)
    sync_every: Duration = Field(parse_duration("10m"), alias="OUTRIDER_SYNC_EVERY")
    calendar_sync_every: Duration = Field(parse_duration("5m"), alias="OUTRIDER_CALENDAR_SYNC_EVERY")
    call_lease: Duration = Field(parse_duration("60s"), alias="OUTRIDER_CALL_LEASE")
    call_first_look: Duration = Field(parse_duration("10s"), alias="OUTRIDER_CALL_FIRST_LOOK")
    call_concurrency: int = Field(10, alias="OUTRIDER_CALL_CONCURRENCY", ge=1, le=200)
    worker_name: str = Field(
        default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}", alias="OUTRIDER_WORKER_NAME"
    )
    clock_rate: float = Field(1.0, alias="OUTRIDER_CLOCK_RATE", gt=0, le=1_000_000)

    # Who may come without having been added (a domain, an address, or * for anybody; the first user always may), and
    # where a browser may be sent after signing in with a provider, to the letter
    sign_up: Words = Field(default_factory=_everybody_in_development, alias="OUTRIDER_SIGN_UP")
    redirect_uris: Words = Field((), alias="OUTRIDER_REDIRECT_URIS")

    # Imports of contacts: the scheme of the links by which the app is told of a sign-in's end, and whether the
    # permission is kept for the next import
    app_scheme: Annotated[str, AfterValidator(_app_scheme)] = Field("everreach", alias="OUTRIDER_APP_SCHEME")
    keep_contact_grants: bool = Field(True, alias="OUTRIDER_KEEP_CONTACT_GRANTS")
    # How long what a source said of a contact is kept beside the contact
    keep_raw_contacts: Duration = Field(parse_duration("90d"), alias="OUTRIDER_KEEP_RAW_CONTACTS")
    # How long a deleted account can be brought back by the operator before it is erased for good
    erase_after: Duration = Field(parse_duration("30d"), alias="OUTRIDER_ERASE_AFTER")

    # How long each class of data is kept (docs/privacy.md): a duration, or forever
    keep_bodies: Limit = Field(None, alias="OUTRIDER_KEEP_BODIES")
    keep_tracking: Limit = Field(parse_duration("395d"), alias="OUTRIDER_KEEP_TRACKING")
    keep_calls: Limit = Field(parse_duration("365d"), alias="OUTRIDER_KEEP_CALLS")
    keep_speech: Limit = Field(parse_duration("30d"), alias="OUTRIDER_KEEP_SPEECH")
    keep_operations: Limit = Field(parse_duration("180d"), alias="OUTRIDER_KEEP_OPERATIONS")
    keep_events: Limit = Field(parse_duration("90d"), alias="OUTRIDER_KEEP_EVENTS")
    keep_sessions: Limit = Field(parse_duration("90d"), alias="OUTRIDER_KEEP_SESSIONS")
    keep_jobs: Limit = Field(parse_duration("30d"), alias="OUTRIDER_KEEP_JOBS")
    keep_answers: Limit = Field(parse_duration("2d"), alias="OUTRIDER_KEEP_ANSWERS")

    # Limits of the API, a minute
    rate_per_user: int = Field(600, alias="OUTRIDER_RATE_PER_USER", ge=1)
    rate_per_address: int = Field(120, alias="OUTRIDER_RATE_PER_ADDRESS", ge=1)

    # Other services, each optional
    google_auth_url: WebUrl = Field("https://accounts.google.com/o/oauth2/v2/auth", alias="GOOGLE_AUTH_URL")
    google_token_url: WebUrl = Field("https://oauth2.googleapis.com/token", alias="GOOGLE_TOKEN_URL")
    google_revoke_url: WebUrl = Field("https://oauth2.googleapis.com/revoke", alias="GOOGLE_REVOKE_URL")
    google_inspect_url: WebUrl = Field("https://oauth2.googleapis.com/tokeninfo", alias="GOOGLE_INSPECT_URL")
    google_certs_url: WebUrl = Field("https://www.googleapis.com/oauth2/v3/certs", alias="GOOGLE_CERTS_URL")
    google_issuers: Words = Field(
        ("https://accounts.google.com", "accounts.google.com"), alias="GOOGLE_ISSUERS", min_length=1
    )
    gmail_api_url: WebUrl = Field("https://gmail.googleapis.com", alias="GMAIL_API_URL")
    people_api_url: WebUrl = Field("https://people.googleapis.com", alias="PEOPLE_API_URL")
    google_calendar_url: WebUrl = Field("https://www.googleapis.com", alias="GOOGLE_CALENDAR_URL")
    gmail_topic: str | None = Field(None, alias="GMAIL_TOPIC", pattern=r"^projects/[^/\s]+/topics/[^/\s]+$")
    gmail_push_account: str | None = Field(None, alias="GMAIL_PUSH_ACCOUNT", min_length=3)
    gmail_push_audience: str | None = Field(None, alias="GMAIL_PUSH_AUDIENCE")
    google_client_id: str | None = Field(None, alias="GOOGLE_CLIENT_ID")
    google_client_secret: SecretStr | None = Field(None, alias="GOOGLE_CLIENT_SECRET")
    gmail_client_id: str | None = Field(None, alias="GMAIL_CLIENT_ID")
    gmail_client_secret: SecretStr | None = Field(None, alias="GMAIL_CLIENT_SECRET")
    google_calendar_client_id: str | None = Field(None, alias="GOOGLE_CALENDAR_CLIENT_ID")
    google_calendar_client_secret: SecretStr | None = Field(None, alias="GOOGLE_CALENDAR_CLIENT_SECRET")
    microsoft_login_url: WebUrl = Field("https://login.microsoftonline.com", alias="MICROSOFT_LOGIN_URL")
    microsoft_tenant: str = Field("common", alias="MICROSOFT_TENANT", pattern=r"^[A-Za-z0-9.-]{1,253}$")
    graph_url: WebUrl = Field("https://graph.microsoft.com", alias="MICROSOFT_GRAPH_URL")
    microsoft_notification_url: WebUrl | None = Field(None, alias="MICROSOFT_NOTIFICATION_URL")
    microsoft_client_id: str | None = Field(None, alias="MICROSOFT_CLIENT_ID")
    microsoft_client_secret: SecretStr | None = Field(None, alias="MICROSOFT_CLIENT_SECRET")
    outlook_client_id: str | None = Field(None, alias="OUTLOOK_CLIENT_ID")
    outlook_client_secret: SecretStr | None = Field(None, alias="OUTLOOK_CLIENT_SECRET")
    openai_api_key: SecretStr | None = Field(None, alias="OPENAI_API_KEY")
    openai_api_url: WebUrl = Field("https://api.openai.com", alias="OPENAI_API_URL")
    # The language model: OpenAI's where its key is set, else whatever speaks the same at `openai_chat_url`
    openai_chat_url: Annotated[WebUrl | None, BeforeValidator(_or_none)] = Field(None, alias="OPENAI_CHAT_URL")
    openai_chat_key: Annotated[SecretStr | None, BeforeValidator(_or_none)] = Field(None, alias="OPENAI_CHAT_KEY")
    openai_chat_model: str = Field("gpt-4.1-mini", alias="OPENAI_CHAT_MODEL", min_length=1, max_length=200)
    openai_chat_price: Annotated[Prices | None, NoDecode, BeforeValidator(_or_none)] = Field(
        None, alias="OPENAI_CHAT_PRICE"
    )
    openai_chat_concurrency: int = Field(4, alias="OPENAI_CHAT_CONCURRENCY", ge=1, le=100)
    twilio_api_url: WebUrl = Field("https://api.twilio.com", alias="TWILIO_API_URL")
    twilio_account_sid: str | None = Field(None, alias="TWILIO_ACCOUNT_SID")
    twilio_auth_token: SecretStr | None = Field(None, alias="TWILIO_AUTH_TOKEN")
    twilio_phone_number: str | None = Field(None, alias="TWILIO_PHONE_NUMBER")

    @property
    def name_servers(self) -> list[tuple[str, int]]:
        """Address and port of each DNS server; none for the machine's own."""
        pairs = [each.rpartition("@") for each in self.dns_servers]
        return [(address or port, int(port) if address else 53) for address, _, port in pairs]

    @property
    def is_embedded(self) -> bool:
        return self.database_url is None

    @property
    def google_client(self) -> tuple[str, str] | None:
        """What Google knows this server as: the client for Gmail, else the one for everything."""
        own = _client(self.gmail_client_id, self.gmail_client_secret)
        return own or _client(self.google_client_id, self.google_client_secret)

    @property
    def google_contacts_client(self) -> tuple[str, str] | None:
        return _client(self.google_client_id, self.google_client_secret)

    @property
    def google_calendar_client(self) -> tuple[str, str] | None:
        own = _client(self.google_calendar_client_id, self.google_calendar_client_secret)
        return own or _client(self.google_client_id, self.google_client_secret)

    @property
    def outlook_client(self) -> tuple[str, str] | None:
        """What Microsoft knows this server as where mail is concerned: the client for Outlook, else the one for all."""
        return _client(self.outlook_client_id, self.outlook_client_secret) or self.microsoft_client

    @property
    def microsoft_client(self) -> tuple[str, str] | None:
        return _client(self.microsoft_client_id, self.microsoft_client_secret)

    @property
    def public_url(self) -> str:
        """Where clients reach this server; never taken from a request's Host header."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")


def _client(name: str | None, secret: SecretStr | None) -> tuple[str, str] | None:
    return (name, secret.get_secret_value()) if name and secret else None


def load(**overrides: Any) -> Settings:
    """Reads the settings and completes the secrets of an embedded installation. Raises SettingsError."""
    try:
        settings = Settings(**overrides)
        if settings.is_embedded:
            settings = Settings(**{**_kept_secrets(settings), **overrides})
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None
    missing = [
        name
        for name, value in (("JWT_SECRET", settings.jwt_secret), ("OUTRIDER_ENCRYPTION_KEYS", settings.encryption_keys))
        if value is None
    ]
    if missing:
        raise SettingsError(
            f"{' and '.join(missing)} must be set when DATABASE_URL is. Make values with `outrider keys` and keep them "
            "safe: without them the stored mailbox passwords can't be read again."
        )
    return settings


def _kept_secrets(settings: Settings) -> dict[str, str]:
    """Returns the secrets beside the embedded database, making them on first start (mode 0600)."""
    given = {"JWT_SECRET": settings.jwt_secret, "OUTRIDER_ENCRYPTION_KEYS": settings.encryption_keys}
    if all(given.values()):
        return {}
    path = settings.data_dir / "keys.env"
    try:
        if not path.exists():
            _leave_secrets(path)
        kept = dotenv_values(path)
    except OSError as error:
        raise SettingsError(
            f"OUTRIDER_DATA_DIR={settings.data_dir} can't be used: {error.strerror}. Name a folder you may write to, "
            "with space left."
        ) from None
    return {name: value for name, value in kept.items() if value and name in given and given[name] is None}


def _leave_secrets(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "# Made on first start. Back this file up: the stored mailbox passwords can't be read without it.\n"
    text += "".join(f"{name}={value}\n" for name, value in new_secrets().items())
    # Whole or not at all, also on a full disk; of two first starts one wins and the other reads its keys.
    with NamedTemporaryFile("w", dir=path.parent, prefix=".keys-") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)


def new_secrets() -> dict[str, str]:
    """Returns fresh values for the two settings that must be kept secret."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return {"JWT_SECRET": secrets.token_urlsafe(48), "OUTRIDER_ENCRYPTION_KEYS": f"k{secrets.token_hex(3)}:{key}"}


def _explain(error: ValidationError) -> str:
    # Inputs are left out: a bad secret must not reach the terminal or the log.
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors(include_input=False)
    )
