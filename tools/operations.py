"""Which command does what an operation of the API does, or why none does; a test runs each of them to see."""

from collections.abc import Iterator, Mapping
from typing import Any

COMMANDS: Mapping[str, str] = {
    "get_ready_details": "admin readyz",
    "get_self_audit": "admin findings",
    "sign_in": "account sign-in",
    "sign_out": "account sign-out",
    "list_sessions": "account sessions",
    "end_sessions": "account sign-out",
    "get_me": "account show",
    "delete_me": "account delete",
    "change_me": "account rename",
    "sign_up": "account new",
    "send_confirmation": "account confirm",
    "finish_confirmation": "account confirm",
    "change_address": "account address",
    "change_password": "account password",
    "start_recovery": "account recover",
    "finish_recovery": "account reset",
    "list_keys": "keys list",
    "create_key": "keys new",
    "revoke_key": "keys revoke",
    "list_workspaces": "workspaces list",
    "create_workspace": "workspaces new",
    "get_workspace": "workspaces show",
    "change_workspace": "workspaces settings",
    "transfer_workspace": "workspaces transfer",
    "delete_workspace": "workspaces delete",
    "keep_workspace": "workspaces restore",
    "export_workspace": "workspaces export",
    "get_export": "workspaces export",
    "link_export": "workspaces export",
    "list_audit_entries": "workspaces log",
    "export_audit_entries": "workspaces log",
    "list_members": "members list",
    "change_member": "members role",
    "remove_member": "members remove",
    "invite_member": "members invite",
    "list_invitations": "invitations list",
    "resend_invitation": "invitations resend",
    "revoke_invitation": "invitations revoke",
    "accept_invitation": "invitations accept",
    "list_organisations": "organisations list",
    "create_organisation": "organisations new",
    "get_organisation": "organisations show",
    "rename_organisation": "organisations rename",
    "delete_organisation": "organisations delete",
    "list_organisation_members": "organisations members",
    "put_organisation_member": "organisations put-member",
    "remove_organisation_member": "organisations remove-member",
    "list_organisation_workspaces": "organisations workspaces",
    "create_organisation_workspace": "organisations new-workspace",
    "take_in_workspace": "organisations take-in",
    "release_workspace": "organisations release",
    "init_upload": "upload",
    "get_upload": "upload",
    "complete_upload": "upload",
    "list_projects": "projects list",
    "get_project": "projects show",
    "rename_project": "projects rename",
    "delete_project": "projects delete",
    "retry_project": "projects retry",
    "list_project_events": "projects timeline",
    "watch_project": "projects watch",
    "list_clips": "clips list",
    "list_candidates": "clips list",
    "make_more_clips": "clips more",
    "get_clip": "clips show",
    "change_clip": "clips edit",
    "render_clip": "clips render",
    "review_clip": "clips review",
    "list_clip_files": "clips download",
    "export_clip": "clips export",
    "list_accounts": "accounts list",
    "connect_account": "accounts connect",
    "complete_oauth": "accounts connect",
    "get_account": "accounts show",
    "change_account": "accounts rename",
    "disconnect_account": "accounts disconnect",
    "reconnect_account": "accounts reconnect",
    "set_up_account": "accounts set-up",
    "publish_on_youtube": "publish",
    "publish_on_tiktok": "publish",
    "list_publications": "publications list",
    "get_publication": "publications show",
    "get_publication_metrics": "publications metrics",
    "summarise_metrics": "metrics",
    "move_publication": "publications move",
    "cancel_publication": "publications cancel",
    "retry_publication": "publications retry",
    "settle_publication": "publications settle",
    "get_usage": "usage",
    "search_jobs": "jobs list",
    "get_job": "jobs show",
    "enqueue_job": "jobs enqueue",
    "cancel_job": "jobs cancel",
    "search_all_jobs": "admin jobs list",
    "list_dead_jobs": "admin jobs dead",
    "get_any_job": "admin jobs show",
    "steer_jobs": "admin jobs retry",
    "retry_any_job": "admin jobs retry",
    "cancel_any_job": "admin jobs cancel",
    "unlock_any_job": "admin jobs unlock",
    "pause_queue": "admin jobs pause",
    "resume_queue": "admin jobs resume",
}

LEFT_OUT: Mapping[str, str] = {
    "get_health": "For who keeps the process alive. People ask `cliply admin readyz`.",
    "get_healthz": "The same under the name that orchestrators look for.",
    "get_readyz": "For load balancers. People ask `cliply readyz` on the machine, `cliply admin readyz` from afar.",
    "change_workspace_plan": "Whoever runs the service does it on its machine: `cliply plans set`.",
    "add_member": "Does what `invite_member` does, which `cliply members invite` asks for.",
    "start_oauth": "Does what `connect_account` and `reconnect_account` do, which `cliply accounts` asks for.",
    "finish_oauth": "Where networks send browsers back to; a terminal waits for them at an address of its own.",
}


def page(document: Mapping[str, Any]) -> str:
    """Every operation, in the document's order."""
    rows = ["| operation | what it does | from a terminal |", "|---|---|---|"]
    for method, path, operation in operations(document):
        name = operation["operationId"]
        command = f"`cliply {COMMANDS[name]}`" if name in COMMANDS else LEFT_OUT[name]
        rows.append(f"| `{method} {path}` | {operation['summary']} | {command} |")
    text = "What each operation of the API is reached by; `cliply login` says at which service."
    return "\n".join(["# Operations and commands", "", text, "", *rows, ""])


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation
