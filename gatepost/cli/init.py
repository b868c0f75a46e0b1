"""`gatepost init` and `migrate`: everything that must be there before serving."""

import secrets

from sqlmodel import Session

from gatepost.certificate import certificate_files
from gatepost.cli.frame import BadInput, Failed, print_object, say
from gatepost.database import migrate as migrate_database
from gatepost.parts import Parts, clock, open_parts
from gatepost.seal import make_keys
from gatepost.settings import Settings


def tell(as_json: bool, sentence: str, **made: str | None) -> None:
    """Something was made: as a sentence, or as an object."""
    if as_json:
        print_object(made)
    else:
        say(sentence)


def init(settings: Settings, email: str, as_json: bool = False) -> None:
    """Make what is missing: key file, database, certificate, first admin, first mailbox and domain."""
    settings.path(settings.var).mkdir(parents=True, exist_ok=True)
    migrate_database(settings.database_url)
    first_key(settings, as_json)
    certificate_files(settings, clock())
    with open_parts(settings) as parts:
        first_domain(parts)
        first_channel(parts, as_json)
        first_admin(parts, email, as_json)


def migrate(settings: Settings, as_json: bool = False) -> None:
    """Bring the schema to the newest revision."""
    from gatepost.database import open_database, schema_revision

    migrate_database(settings.database_url)
    database = open_database(settings.database_url)
    try:
        revision = schema_revision(database)[0]
        tell(as_json, f"The database is at revision {revision}.", revision=revision)
    finally:
        database.close()


def first_key(settings: Settings, as_json: bool) -> None:
    """The key file, unless the database holds what another one has sealed. Raises Failed."""
    from gatepost.database import open_database
    from gatepost.store.domains import list_domains

    key_file = settings.key_path
    if key_file.exists():
        return
    database = open_database(settings.database_url)
    try:
        with database.session() as session:
            sealed = bool(list_domains(session))
    finally:
        database.close()
    if sealed:
        raise Failed(
            f"key file {key_file} is not there, and a new one cannot read the passwords in {database.url}: put your "
            "copy back (chmod 600), set key_file to where it is, or begin with an empty database"
        )
    make_keys(key_file)
    sentence = f"Key file made: {key_file} (keep a copy of it: without it nothing sealed can be read)"
    tell(as_json, sentence, made="key file", path=str(key_file))


def first_domain(parts: Parts) -> None:
    """Sign for our own domain from the first mail on."""
    from gatepost.store.domains import create_domain, list_domains

    with parts.database.session() as session:
        if list_domains(session):
            return
    parts.ledger.write(lambda session: create_domain(session, parts.keys, parts.settings.domain, clock()))


def first_channel(parts: Parts, as_json: bool) -> None:
    """An address to write to, so that the first answer arrives somewhere; postmaster too (RFC 5321 section 4.5.1)."""
    from gatepost.store.channels import create_channel, list_channels, set_aliases

    address = f"support@{parts.settings.domain}"
    with parts.database.session() as session:
        if list_channels(session):
            return

    def op(session: Session) -> None:
        channel = create_channel(session, name="Support", address=address, now=clock())
        set_aliases(session, channel.id, [f"postmaster@{parts.settings.domain}"])

    parts.ledger.write(op)
    tell(as_json, f"First mailbox: {address}", made="mailbox", address=address)


def first_admin(parts: Parts, email: str, as_json: bool) -> None:
    """The first admin, with a password that is printed once and must be changed."""
    from gatepost.address import AddressError, parse_address
    from gatepost.password import hash_password
    from gatepost.store.users import create_user, list_users

    with parts.database.session() as session:
        if list_users(session):
            return
    try:
        address = parse_address(email or f"admin@{parts.settings.domain}").key
    except AddressError as error:
        raise BadInput(f"--email {email}: {error}") from None
    password = secrets.token_urlsafe(12)
    hashed = hash_password(password)
    parts.ledger.write(
        lambda session: create_user(
            session,
            email=address,
            name="Admin",
            role="admin",
            password_hash=hashed,
            must_change_password=True,
            now=clock(),
        )
    )
    sentence = f"First admin: {address}   password (shown once): {password}"
    tell(as_json, sentence, made="admin", email=address, password=password)
