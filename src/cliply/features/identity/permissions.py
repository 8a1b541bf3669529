"""Who may do what in a workspace: the whole table, and the only one."""

from collections.abc import Mapping
from enum import StrEnum

from cliply.features.identity.models import Role


class Action(StrEnum):
    READ_WORKSPACE = "workspace:read"
    CHANGE_WORKSPACE = "workspace:change"
    DELETE_WORKSPACE = "workspace:delete"
    EXPORT_WORKSPACE = "workspace:export"
    READ_AUDIT = "audit:read"
    READ_MEMBERS = "members:read"
    INVITE_MEMBERS = "members:invite"
    CHANGE_MEMBERS = "members:change"
    CHANGE_OWNERS = "owners:change"
    MANAGE_KEYS = "keys:manage"
    READ_JOBS = "jobs:read"
    CHANGE_JOBS = "jobs:change"
    READ_PROJECTS = "projects:read"
    CREATE_PROJECTS = "projects:create"
    CHANGE_PROJECTS = "projects:change"
    DELETE_PROJECTS = "projects:delete"
    EDIT_CLIPS = "clips:edit"
    READ_CHANNELS = "channels:read"
    MANAGE_CHANNELS = "channels:manage"
    READ_PUBLICATIONS = "publications:read"
    PUBLISH = "publications:create"
    MANAGE_BILLING = "billing:manage"


MEANING: Mapping[Action, str] = {
    Action.READ_WORKSPACE: "See the workspace and its settings.",
    Action.CHANGE_WORKSPACE: "Rename the workspace and change its settings.",
    Action.DELETE_WORKSPACE: "Delete the workspace with everything in it, and call that off.",
    Action.EXPORT_WORKSPACE: "Take out everything that the workspace holds as a file.",
    Action.READ_AUDIT: "Read and export who did what.",
    Action.READ_MEMBERS: "See who is a member, and as what.",
    Action.INVITE_MEMBERS: "Invite people; see, send again and take back invitations.",
    Action.CHANGE_MEMBERS: "Change the role of others and remove them. Everybody may leave.",
    Action.CHANGE_OWNERS: "Make somebody an owner, and change or remove one.",
    Action.MANAGE_KEYS: "Make, see and revoke API keys.",
    Action.READ_JOBS: "See what is being worked on, how far it is and why it failed.",
    Action.CHANGE_JOBS: "Cancel what is being worked on.",
    Action.READ_PROJECTS: "See projects and clips, and download them.",
    Action.CREATE_PROJECTS: "Upload videos and make projects of them.",
    Action.CHANGE_PROJECTS: "Rename projects, ask for more clips, and try again what failed.",
    Action.DELETE_PROJECTS: "Delete projects with all their files.",
    Action.EDIT_CLIPS: "Change clips, review them and render them again.",
    Action.READ_CHANNELS: "See which accounts on networks are connected, and whether they can be published on.",
    Action.MANAGE_CHANNELS: "Connect accounts on networks, set them up and disconnect them.",
    Action.READ_PUBLICATIONS: "See what is published, where, when, and what became of it.",
    Action.PUBLISH: "Publish clips on connected accounts, and call that off.",
    Action.MANAGE_BILLING: "See what is paid for the workspace; subscribe, change the plan and cancel.",
}

_VIEWER = frozenset(
    {
        Action.READ_WORKSPACE,
        Action.READ_MEMBERS,
        Action.READ_JOBS,
        Action.READ_PROJECTS,
        Action.READ_CHANNELS,
        Action.READ_PUBLICATIONS,
    }
)
_MEMBER = _VIEWER | {
    Action.CHANGE_JOBS,
    Action.CREATE_PROJECTS,
    Action.CHANGE_PROJECTS,
    Action.DELETE_PROJECTS,
    Action.EDIT_CLIPS,
    Action.PUBLISH,
}
_ADMIN = _MEMBER | {
    Action.CHANGE_WORKSPACE,
    Action.INVITE_MEMBERS,
    Action.CHANGE_MEMBERS,
    Action.MANAGE_KEYS,
    Action.MANAGE_CHANNELS,
    Action.MANAGE_BILLING,
}
_OWNER = _ADMIN | {
    Action.CHANGE_OWNERS,
    Action.DELETE_WORKSPACE,
    Action.EXPORT_WORKSPACE,
    Action.READ_AUDIT,
}

ALLOWED: Mapping[Role, frozenset[Action]] = {
    Role.OWNER: _OWNER,
    Role.ADMIN: _ADMIN,
    Role.MEMBER: _MEMBER,
    Role.VIEWER: _VIEWER,
}
"""A role may do all that the one below it may."""


def may(role: Role, action: Action) -> bool:
    return action in ALLOWED[role]
