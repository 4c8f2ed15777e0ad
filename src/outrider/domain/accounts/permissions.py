"""Who may do what: permissions, what each role has, and the caller as every action sees them."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from outrider.core.db import Scope
from outrider.domain.accounts.models import Role


class Permission(StrEnum):
    ACCOUNT_READ = "account:read"
    ACCOUNT_WRITE = "account:write"
    MAILBOXES_READ = "mailboxes:read"
    MAILBOXES_WRITE = "mailboxes:write"
    SEQUENCES_READ = "sequences:read"
    SEQUENCES_WRITE = "sequences:write"
    ENROLLMENTS_READ = "enrollments:read"
    ENROLLMENTS_WRITE = "enrollments:write"
    CALENDARS_READ = "calendars:read"
    CALENDARS_WRITE = "calendars:write"
    CALLS_READ = "calls:read"
    CALLS_WRITE = "calls:write"
    CONTACTS_READ = "contacts:read"
    CONTACTS_WRITE = "contacts:write"
    ANALYTICS_READ = "analytics:read"
    DRAFTS_READ = "drafts:read"
    DRAFTS_WRITE = "drafts:write"
    WORKSPACE_READ = "workspace:read"
    WORKSPACE_WRITE = "workspace:write"  # what holds for everybody in it
    # All that is held of a person, in everybody's mailbox.
    PRIVACY_WRITE = "privacy:write"


EVERYTHING = frozenset(Permission)
READING = frozenset(permission for permission in Permission if permission.endswith(":read"))
GRANTS = {
    Role.OWNER: EVERYTHING,
    Role.MEMBER: EVERYTHING - {Permission.WORKSPACE_WRITE, Permission.PRIVACY_WRITE},
    Role.VIEWER: READING,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller, as proven by a token or a key. `scopes` narrow what the role grants; None means no narrowing."""

    user_id: UUID
    workspace_id: UUID
    email: str
    role: Role
    session_id: UUID | None = None
    scopes: frozenset[str] | None = None

    def may(self, permission: Permission) -> bool:
        return permission in GRANTS[self.role] and (self.scopes is None or permission in self.scopes)

    def scope(self, request_id: str = "") -> Scope:
        actor = session_actor(self.session_id) if self.session_id else "access_key"
        return Scope(self.workspace_id, self.user_id, self.email, actor, request_id)


def session_actor(session_id: UUID) -> str:
    """How the audit trail names who acts in a session."""
    return f"session:{session_id}"
