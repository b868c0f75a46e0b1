"""How a refusal finds its entry in the consent doctor's table: `error` and `suberror` decide, numbers choose words."""

from dataclasses import dataclass

from gatepost.connectors.refusals import REFUSALS


@dataclass(frozen=True, slots=True)
class Rule:
    """An empty field fits anything; the first rule that fits decides."""

    error: str
    key: str
    provider: str = ""
    suberror: str = ""


RULES = (
    Rule("access_denied", "microsoft_cancelled", "microsoft", "cancel"),
    Rule("access_denied", "microsoft_cancelled", "microsoft"),
    Rule("consent_required", "microsoft_consent_missing", "microsoft"),
    Rule("invalid_grant", "microsoft_consent_missing", "microsoft", "consent_required"),
    Rule("invalid_grant", "microsoft_password_expired", "microsoft", "user_password_expired"),
    Rule("invalid_grant", "microsoft_policy", "microsoft", "message_only"),
    Rule("invalid_grant", "microsoft_policy", "microsoft", "additional_action"),
    Rule("invalid_grant", "microsoft_policy", "microsoft", "protection_policy_required"),
    Rule("interaction_required", "microsoft_consent_missing", "microsoft", "consent_required"),
    Rule("interaction_required", "microsoft_policy", "microsoft", "message_only"),
    Rule("interaction_required", "microsoft_policy", "microsoft", "additional_action"),
    Rule("interaction_required", "microsoft_second_factor", "microsoft"),
    Rule("login_required", "microsoft_session_ended", "microsoft"),
    Rule("invalid_grant", "microsoft_session_ended", "microsoft"),
    Rule("unauthorized_client", "microsoft_app_unknown", "microsoft"),
    Rule("invalid_client", "microsoft_secret_wrong", "microsoft"),
    Rule("invalid_resource", "microsoft_no_permission", "microsoft"),
    Rule("invalid_request", "microsoft_app_unknown", "microsoft"),
    Rule("temporarily_unavailable", "microsoft_busy", "microsoft"),
    Rule("server_error", "microsoft_busy", "microsoft"),
    Rule("admin_policy_enforced", "google_admin_policy", "google"),
    Rule("org_internal", "google_org_internal", "google"),
    Rule("redirect_uri_mismatch", "google_redirect", "google"),
    Rule("access_not_configured", "google_api_off", "google"),
    Rule("access_denied", "google_cancelled", "google"),
    Rule("invalid_grant", "google_session_policy", "google", "invalid_rapt"),
    Rule("invalid_grant", "google_session_policy", "google", "rapt_required"),
    Rule("invalid_grant", "google_grant_ended", "google"),
    Rule("invalid_client", "google_client_wrong", "google"),
    Rule("deleted_client", "google_client_wrong", "google"),
    Rule("unauthorized_client", "google_client_wrong", "google"),
    Rule("server_error", "google_busy", "google"),
    Rule("temporarily_unavailable", "google_busy", "google"),
    Rule("redirect_uri_mismatch", "client_wrong"),
    Rule("invalid_scope", "scope_invalid"),
    Rule("access_denied", "cancelled"),
    Rule("consent_required", "cancelled"),
    Rule("interaction_required", "grant_ended"),
    Rule("login_required", "grant_ended"),
    Rule("invalid_grant", "grant_ended"),
    Rule("invalid_client", "client_wrong"),
    Rule("unauthorized_client", "client_wrong"),
    Rule("unsupported_grant_type", "client_wrong"),
    Rule("invalid_request", "client_wrong"),
    Rule("slow_down", "busy"),
    Rule("temporarily_unavailable", "busy"),
    Rule("server_error", "busy"),
)

CODES: dict[int, str] = {
    65001: "microsoft_consent_missing",
    65004: "microsoft_declined",
    90093: "microsoft_admin_approval",
    90094: "microsoft_admin_approval",
    90095: "microsoft_admin_approval",
    900981: "microsoft_admin_approval",
    900941: "microsoft_risky_app",
    50105: "microsoft_not_assigned",
    50020: "microsoft_other_tenant",
    50034: "microsoft_other_tenant",
    50194: "microsoft_app_unknown",
    700016: "microsoft_app_unknown",
    90002: "microsoft_app_unknown",
    700005: "microsoft_code_used",
    50011: "microsoft_redirect",
    7000215: "microsoft_secret_wrong",
    7000218: "microsoft_secret_wrong",
    7000222: "microsoft_secret_expired",
    53000: "microsoft_policy",
    53001: "microsoft_policy",
    53002: "microsoft_policy",
    53003: "microsoft_policy",
    530034: "microsoft_policy",
    50005: "microsoft_policy",
    50076: "microsoft_second_factor",
    50079: "microsoft_second_factor",
    50078: "microsoft_second_factor",
    50173: "microsoft_session_ended",
    700082: "microsoft_session_ended",
    70008: "microsoft_session_ended",
    70000: "microsoft_session_ended",
    70043: "microsoft_session_ended",
    54005: "microsoft_code_used",
    50057: "microsoft_account_off",
    50053: "microsoft_account_off",
    50055: "microsoft_password_expired",
    650057: "microsoft_no_permission",
    28000: "microsoft_no_permission",
    700022: "microsoft_no_permission",
    90033: "microsoft_busy",
    50196: "microsoft_busy",
}

LOGIN: tuple[tuple[str, str], ...] = tuple(
    (needle, refusal.key) for refusal in REFUSALS if refusal.key for needle in refusal.needles
)
SMTP: tuple[tuple[str, str], ...] = (
    ("5.7.139", "smtp_auth_off"),
    ("smtpclientauthentication is disabled", "smtp_auth_off"),
    ("5.7.30", "smtp_password_refused"),
    ("basic authentication is not supported", "smtp_password_refused"),
    ("5.7.9", "smtp_app_password"),
    ("application-specific password", "smtp_app_password"),
    ("5.7.60", "smtp_send_as"),
    ("sendasdenied", "smtp_send_as"),
    ("5.2.252", "smtp_send_as"),
    ("4.7.0", "smtp_busy"),
    ("temporar", "smtp_busy"),
)
