"""Who may do what in a workspace: the whole table, and the only one."""

from collections.abc import Mapping
from enum import StrEnum

from cliply.features.identity.models import Role


class Action(StrEnum):
    READ_WORKSPACE = "workspace:read"
    CHANGE_WORKSPACE = "workspace:change"
    READ_MEMBERS = "members:read"
    INVITE_MEMBERS = "members:invite"
    CHANGE_MEMBERS = "members:change"
    CHANGE_OWNERS = "owners:change"
    MANAGE_KEYS = "keys:manage"
    READ_JOBS = "jobs:read"
    CHANGE_JOBS = "jobs:change"


MEANING: Mapping[Action, str] = {
    Action.READ_WORKSPACE: "See the workspace and its settings.",
    Action.CHANGE_WORKSPACE: "Rename the workspace and change its settings.",
    Action.READ_MEMBERS: "See who is a member, and as what.",
    Action.INVITE_MEMBERS: "Invite people; see, send again and take back invitations.",
    Action.CHANGE_MEMBERS: "Change the role of others and remove them. Everybody may leave.",
    Action.CHANGE_OWNERS: "Make somebody an owner, and change or remove one.",
    Action.MANAGE_KEYS: "Make, see and revoke API keys.",
    Action.READ_JOBS: "See what is being worked on, how far it is and why it failed.",
    Action.CHANGE_JOBS: "Cancel what is being worked on.",
}

_VIEWER = frozenset({Action.READ_WORKSPACE, Action.READ_MEMBERS, Action.READ_JOBS})
_MEMBER = _VIEWER | {Action.CHANGE_JOBS}
_ADMIN = _MEMBER | {Action.CHANGE_WORKSPACE, Action.INVITE_MEMBERS, Action.CHANGE_MEMBERS, Action.MANAGE_KEYS}
_OWNER = _ADMIN | {Action.CHANGE_OWNERS}

ALLOWED: Mapping[Role, frozenset[Action]] = {
    Role.OWNER: _OWNER,
    Role.ADMIN: _ADMIN,
    Role.MEMBER: _MEMBER,
    Role.VIEWER: _VIEWER,
}
"""A role may do all that the one below it may."""


def may(role: Role, action: Action) -> bool:
    return action in ALLOWED[role]
