"""`gatepost mailbox explain`: what a provider's refusal means, who must act, and the next step; needs no settings."""

from gatepost.cli.frame import BadInput, print_object, say
from gatepost.connectors.consent import Advice, look_up

WHO = {
    "owner": "the owner of the mailbox",
    "it": "the organisation's administrator at the provider",
    "admin": "the admin of Gatepost",
    "nobody": "nobody: it passes by itself",
}
PROVIDERS = ("google", "microsoft")
EXAMPLES = 'such as AADSTS90094, redirect_uri_mismatch, "Need admin approval" or "535 5.7.139"'


def explain_refusal(text: str, provider: str, as_json: bool) -> None:
    """Explain what somebody saw. Raises BadInput for what nobody knows."""
    if provider and provider not in PROVIDERS:
        raise BadInput(f"--provider {provider}: choose {' or '.join(PROVIDERS)}")
    found = look_up(text, provider)
    if not found:
        raise BadInput(f"TEXT: no refusal of a provider is known by these words; give its error, {EXAMPLES}")
    for advice in found:
        tell(advice, as_json)


def tell(advice: Advice, as_json: bool) -> None:
    if as_json:
        who = {"who": advice.who, "steps": list(advice.steps), "admin_link": advice.admin_link}
        print_object({"key": advice.key, "what": advice.what, **who, "state": advice.state})
        return
    say(f"{advice.key}: {advice.what}")
    say(f"  Who must act: {WHO[advice.who]}.")
    for number, step in enumerate(advice.steps, 1):
        say(f"  {number}. {step}")
