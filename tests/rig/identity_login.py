"""The browser's side of the identity provider of the tests: login, consent, and what an administrator approves."""

import secrets
import time
import uuid

from tests.rig.identity_http import Asked, Said, aadsts, for_redirect, refuse, send_back, show
from tests.rig.identity_pages import approval_page, consent_page, form, login_page, page
from tests.rig.identity_state import TENANTS, Code, Person, State

CONSENT_TITLES = {"google": "Gatepost wants access to your Google Account", "microsoft": "Permissions requested"}


def authorize(state: State, asked: Asked, dialect: str, tenant: str) -> Said:
    """Every step of a login; the request's own query stays in the address."""
    refused = check_client(state, asked, dialect)
    if refused:
        return refused
    fault = state.fault("authorize")
    if fault:
        return send_back(asked, **fault.body)
    match asked.form.get("step"):
        case None:
            return show(login_page(asked.target, asked.query.get("login_hint", "")))
        case "login":
            return log_in(state, asked, dialect, tenant)
        case "return":
            return send_back(asked, error="access_denied", error_subcode="cancel")
        case "request":
            return show(page("Request sent", "<p>AADSTS90095: your admin was notified. You can close this window.</p>"))
        case _:
            return take_consent(state, asked, dialect)


def check_client(state: State, asked: Asked, dialect: str) -> Said | None:
    """Mistakes of the client are shown, never sent back: the address may be anybody's."""
    client = state.clients.get(asked.query.get("client_id", ""))
    if client is None or client.dialect != dialect:
        if dialect == "microsoft":
            return refuse("Sign in", "AADSTS700016: Application was not found in the directory.")
        return refuse("Error 401: invalid_client", "The OAuth client was not found.", 401)
    if asked.query.get("redirect_uri") not in state.redirects:
        if dialect == "microsoft":
            return refuse("Sign in", "AADSTS50011: The redirect URI specified in the request does not match.")
        return refuse("Error 400: redirect_uri_mismatch", "You can't sign in to this app.")
    if asked.query.get("response_type") != "code":
        return send_back(asked, error="unsupported_response_type")
    return None


def log_in(state: State, asked: Asked, dialect: str, tenant: str) -> Said:
    """The password, then whatever stands between the person and the code."""
    person = state.people.get(asked.form.get("user", "").lower())
    if person is None or person.password != asked.form.get("password"):
        return show(login_page(asked.target, wrong=True), 401)
    if dialect == "google" and state.policy(person.tenant).blocked:
        return refuse("Error 400: admin_policy_enforced", "The administrator of your organization blocks this app.")
    if dialect == "microsoft":
        stopped = stop_at_tenant(state, asked, person, tenant)
        if stopped:
            return stopped
        if (person.tenant, asked.query["client_id"]) in state.approved:
            return send_code(state, asked, person, asked.query.get("scope", "").split(), first=False)
    scopes = asked.query.get("scope", "").split()
    known = state.consents.get((person.address, asked.query["client_id"]))
    if known is not None and set(scopes) <= known and "consent" not in asked.query.get("prompt", ""):
        return send_code(state, asked, person, scopes, first=False)
    session = secrets.token_urlsafe(12)
    state.pending[session] = person
    return show(consent_page(asked.target, session, CONSENT_TITLES[dialect], scopes))


def stop_at_tenant(state: State, asked: Asked, person: Person, tenant: str) -> Said | None:
    """What a directory may have against a login."""
    if tenant not in ("common", "organizations", person.tenant, TENANTS.get(person.tenant)):
        text = f"User account '{person.address}' does not exist in tenant '{tenant}'."
        return send_back(asked, **for_redirect(aadsts(50020, text, "interaction_required")))
    policy = state.policy(person.tenant)
    if policy.conditional_access:
        return refuse("You cannot access this right now", "AADSTS53003: Access has been blocked by policies.", 200)
    if policy.admin_consent and not person.admin and (person.tenant, asked.query["client_id"]) not in state.approved:
        return show(approval_page(asked.target, policy.workflow))
    return None


def take_consent(state: State, asked: Asked, dialect: str) -> Said:
    """Allow or cancel; at Google each scope can be unticked."""
    person = state.pending.pop(asked.form.get("session", ""), None)
    if person is None:
        return refuse("Session expired", "Begin again.")
    if asked.form.get("do") != "allow":
        more = {"error_subcode": "cancel"} if dialect == "microsoft" else {}
        return send_back(asked, error="access_denied", **more)
    scopes = asked.query.get("scope", "").split()
    if dialect == "google":
        granted = asked.many.get("grant", [])
        scopes = [scope for scope in scopes if not scope.startswith("https://") or scope in granted]
    key = (person.address, asked.query["client_id"])
    first = key not in state.consents or "consent" in asked.query.get("prompt", "")
    state.consents.setdefault(key, set()).update(scopes)
    return send_code(state, asked, person, scopes, first=first)


def send_code(state: State, asked: Asked, person: Person, scopes: list[str], *, first: bool) -> Said:
    """Back with a code. Google gives a refresh token with the consent page only, Microsoft for its scope."""
    code = "4/0A" + secrets.token_urlsafe(24)
    offline = "offline_access" in scopes or (asked.query.get("access_type") == "offline" and first)
    state.codes[code] = Code(asked.query, person, scopes, offline, time.time() + 600)
    if person.tenant and "/google/" not in asked.path:
        return send_back(asked, code=code, session_state=str(uuid.uuid4()))
    return send_back(asked, code=code, scope=" ".join(scopes), authuser="0")


def admin_consent(state: State, asked: Asked) -> Said:
    """An administrator approves for the whole tenant; a cancel comes back with `admin_consent=True`, too."""
    if asked.query.get("client_id") not in state.clients or asked.query.get("redirect_uri") not in state.redirects:
        return refuse("Sign in", "AADSTS50011: The redirect URI specified in the request does not match.")
    if asked.form.get("step") is None:
        return show(login_page(asked.target))
    if asked.form["step"] == "login":
        person = state.people.get(asked.form.get("user", "").lower())
        if person is None or person.password != asked.form.get("password"):
            return show(login_page(asked.target, wrong=True), 401)
        if not person.admin:
            return refuse("Need admin approval", "Only an administrator can grant this.", 200)
        buttons = "<button name=do value=allow>Accept</button><button name=do value=deny>Cancel</button>"
        body = form(asked.target, "consent", buttons, {"tenant": person.tenant})
        return show(page("Permissions requested: accept for your organization", body))
    if asked.form.get("do") != "allow":
        declined = aadsts(65004, "User declined to consent to access the app.", "access_denied")
        return send_back(asked, admin_consent="True", **for_redirect(declined))
    tenant = asked.form["tenant"]
    state.approved.add((tenant, asked.query["client_id"]))
    return send_back(asked, admin_consent="True", tenant=TENANTS[tenant], scope=asked.query.get("scope", ""))
