from tests.infra.queue.workspaces import workspaces

__all__ = ["workspaces"]
