"""Who may see and do what, as pages name it; the policy itself is in the core, for agents' mail asks it too."""

from gatepost.access import Action, Scope, access, access_any, scope

__all__ = ["Action", "Scope", "access", "access_any", "scope"]
