from tests.features.workspaces.conftest import office

__all__ = ["office"]
