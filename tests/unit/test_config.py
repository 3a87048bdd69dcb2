"""Settings and contexts: files, variables, and which of them wins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aliend.config import load, socket_path
from aliend.core.connection.pem import PemFile, PemText
from aliend.errors import ConfigurationError


def environment(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "TMPDIR": str(home), **more}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_without_files_and_variables_the_production_service_is_meant(tmp_path: Path) -> None:
    context = load("default", environment(tmp_path)).context()
    assert str(context.endpoint) == "alice-jcentral.cern.ch:8097"
    assert str(context.user.certificate) == f"{tmp_path}/.globus/usercert.pem"
    assert str(context.token.certificate).startswith(f"{tmp_path}/tokencert_")


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    write(tmp_path / ".config/aliend/config.toml", '[central]\nhost = "file.example"\nport = 1\n')
    context = load("default", environment(tmp_path, ALIENPY_JCENTRAL="variable.example")).context()
    assert str(context.endpoint) == "variable.example:1"


def test_the_chosen_profile_wins_over_a_variable(tmp_path: Path) -> None:
    write(tmp_path / ".config/aliend/config.toml", '[profile.test.central]\nhost = "profile.example"\n')
    settings = load("test", environment(tmp_path, ALIENPY_JCENTRAL="variable.example"))
    assert settings.context().endpoint.host == "profile.example"


def test_a_callers_environment_takes_the_place_of_the_daemons(tmp_path: Path) -> None:
    settings = load("default", environment(tmp_path, ALIENPY_JCENTRAL="one.example"))
    assert settings.context({"ALIENPY_JCENTRAL": "two.example"}).endpoint.host == "two.example"


def test_the_sandbox_profile_without_a_sandbox_explains_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="alienctl sandbox up"):
        load("sandbox", environment(tmp_path)).context()


def test_a_sandbox_that_starts_later_is_noticed(tmp_path: Path) -> None:
    settings = load("sandbox", environment(tmp_path))
    write(
        tmp_path / ".local/state/aliend/sandbox-grid/profile.toml",
        '[central]\nhost = "localhost"\nport = 4000\n[tls]\nca = "/ca"\n',
    )
    context = settings.refreshed().context({"X509_CERT_DIR": "/elsewhere"})
    assert (str(context.endpoint), context.ca) == ("localhost:4000", "/ca")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[central]\nhots = 'x'\n", "unknown key hots"),
        ("[centrall]\nhost = 'x'\n", "unknown table"),
        ("[central]\nport = 'x'\n", "of type int"),
        ("central", "not valid TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    write(tmp_path / ".config/aliend/config.toml", text)
    with pytest.raises(ConfigurationError, match=complaint):
        load("default", environment(tmp_path))


@pytest.mark.parametrize(("key", "least"), [("keep_days", 0), ("keep_free_mib", -1), ("files", 1), ("files_per_se", 1)])
def test_a_number_that_is_too_small_is_named(tmp_path: Path, key: str, least: int) -> None:
    file = tmp_path / ".config/aliend/config.toml"
    write(file, f"[transfers]\n{key} = {least}\n")
    assert getattr(load("default", environment(tmp_path)).limits, key) == least
    write(file, f"[transfers]\n{key} = {least - 1}\n")
    with pytest.raises(ConfigurationError, match=rf"{key} of \[transfers\] must be at least {least}, not {least - 1}"):
        load("default", environment(tmp_path))


def test_a_port_that_is_not_a_number_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ALIENPY_JCENTRAL_PORT must be a number"):
        load("default", environment(tmp_path, ALIENPY_JCENTRAL_PORT="80a")).context()


def test_a_profile_name_cannot_leave_its_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="profile name"):
        load("../x", environment(tmp_path))


def test_a_socket_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="longer than 107 bytes"):
        socket_path("default", environment(tmp_path, ALIEND_SOCKET="/" + "x" * 107))


def test_the_socket_lies_in_the_runtime_directory(tmp_path: Path) -> None:
    assert socket_path("p", environment(tmp_path, XDG_RUNTIME_DIR=str(tmp_path))) == f"{tmp_path}/aliend/p.sock"


def test_a_ca_directory_without_certificates_is_skipped(tmp_path: Path) -> None:
    write(tmp_path / "ca/CERN-GridCA.pem", "x")
    (tmp_path / "empty").mkdir()
    settings = load("default", environment(tmp_path, X509_CERT_DIR=str(tmp_path / "empty")))
    assert settings.context({"HOME": str(tmp_path), "X509_CERT_DIR": str(tmp_path / "ca")}).ca == str(tmp_path / "ca")
    assert settings.context().ca != str(tmp_path / "empty")


def authorities(folder: Path, name: str = "CERN-GridCA.pem") -> str:
    write(folder / name, "a certificate")
    return str(folder)


def test_f039_local_authorities_come_first(tmp_path: Path) -> None:
    named, other = authorities(tmp_path / "named"), authorities(tmp_path / "other")
    usual = authorities(tmp_path / ".globus/certificates")
    for value, place in ((named, named), ("1", usual)):
        variables = environment(tmp_path, ALIENPY_USE_LOCAL_CAS=value, X509_CERT_DIR=other)
        assert load("default", variables).context().ca == place


def test_f039_local_authorities_without_the_one_of_cern_are_passed_over(tmp_path: Path) -> None:
    lacking, other = authorities(tmp_path / "lacking", "other.pem"), authorities(tmp_path / "other")
    variables = environment(tmp_path, ALIENPY_USE_LOCAL_CAS=lacking, X509_CERT_DIR=other)
    assert load("default", variables).context().ca == other


def test_f040_directory_is_preferred_to_a_file_and_an_empty_one_is_passed_over(tmp_path: Path) -> None:
    directory, file = authorities(tmp_path / "ca"), tmp_path / "ca.pem"
    write(file, "a certificate")
    (tmp_path / "empty").mkdir()
    both = environment(tmp_path, X509_CERT_DIR=directory, X509_CERT_FILE=str(file))
    assert load("default", both).context().ca == directory
    empty = both | {"X509_CERT_DIR": str(tmp_path / "empty")}
    assert load("default", empty).context().ca == str(file)


def test_f041_first_known_place_that_exists_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second, third = authorities(tmp_path / "second"), authorities(tmp_path / "third")
    monkeypatch.setattr("aliend.credential_locations._AUTHORITIES", (str(tmp_path / "first"), second, third))
    assert load("default", environment(tmp_path)).context().ca == second


def test_f030_and_f032_variables_name_certificates_and_keys(tmp_path: Path) -> None:
    names = {
        "X509_USER_CERT": "/a/usercert.pem",
        "X509_USER_KEY": "/a/userkey.pem",
        "JALIEN_TOKEN_CERT": "/b/tokencert.pem",
        "JALIEN_TOKEN_KEY": "/b/tokenkey.pem",
    }
    context = load("default", environment(tmp_path, **names)).context()
    files = (context.user.certificate, context.user.key, context.token.certificate, context.token.key)
    assert list(map(str, files)) == list(names.values())


def test_f031_token_files_are_in_the_temporary_directory_and_named_after_the_user(tmp_path: Path) -> None:
    context = load("default", environment(tmp_path)).context()
    assert str(context.token.certificate) == f"{tmp_path}/tokencert_{os.getuid()}.pem"
    assert str(context.token.key) == f"{tmp_path}/tokenkey_{os.getuid()}.pem"


@pytest.mark.parametrize("name", ["1d879c6c.0", "ca.crt", "ca.pem"])
def test_f040_a_directory_with_any_usual_kind_of_name_is_used(tmp_path: Path, name: str) -> None:
    directory = authorities(tmp_path / "ca", name)
    context = load("default", environment(tmp_path, X509_CERT_DIR=directory)).context()
    assert (context.ca, context.ca_note) == (directory, "")


def test_a_variable_that_names_no_authorities_is_noted_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "file", "x")
    for value, reason in (("none", "does not exist"), ("empty", "holds no file named"), ("file", "cannot be read")):
        variables = environment(tmp_path, X509_CERT_DIR=str(tmp_path / value))
        note = load("default", variables).context().ca_note
        assert note.startswith(f"X509_CERT_DIR is not used: {tmp_path}/{value} {reason}")


def test_authorities_that_getcacerts_installs_are_found_without_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aliend.credential_locations._AUTHORITIES", ())
    installed = authorities(tmp_path / ".globus/certificates")
    assert load("default", environment(tmp_path)).context().ca == installed


def test_a_variable_holds_pem_text_or_a_name_and_default_names_are_marked(tmp_path: Path) -> None:
    text = "Bag Attributes\n-----BEGIN CERTIFICATE-----\n"
    context = load("default", environment(tmp_path, X509_USER_CERT=text, X509_USER_KEY="~/k")).context()
    assert context.user.certificate == PemText(text)
    assert context.user.key == PemFile(f"{tmp_path}/k")
    assert context.token.certificate == PemFile(f"{tmp_path}/tokencert_{os.getuid()}.pem", is_default=True)


@pytest.mark.parametrize("name", ["X509_CERT_DIR", "X509_CERT_FILE"])
def test_text_in_a_variable_for_authorities_is_never_shown(name: str, tmp_path: Path) -> None:
    key = "Bag Attributes\n-----BEGIN PRIVATE KEY-----\n" + "c2VjcmV0" * 60 + "\n-----END PRIVATE KEY-----\n"
    for text in (key, "c2VjcmV0" * 60):
        context = load("default", {"HOME": str(tmp_path), name: text}).context(None)
        assert name in context.ca_note
        assert "c2VjcmV0c2VjcmV0" not in context.ca_note


def test_a_link_to_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / ".config/aliend/config.toml"
    write(file, "[transfers]\nfiles = 3\n")
    settings = load("default", environment(tmp_path))
    file.unlink()
    file.symlink_to("nothing")
    for read_again in (settings.refreshed, lambda: load("default", environment(tmp_path))):
        with pytest.raises(ConfigurationError, match="is a link to a file that does not exist"):
            read_again()


def test_a_fifo_and_a_huge_file_are_mistakes(tmp_path: Path) -> None:
    file = tmp_path / ".config/aliend/config.toml"
    file.parent.mkdir(parents=True)
    os.mkfifo(file)
    with pytest.raises(ConfigurationError, match="it is not a regular file"):
        load("default", environment(tmp_path))
    file.unlink()
    with file.open("wb") as created:
        created.truncate(3 << 30)
    with pytest.raises(ConfigurationError, match="it has more than 1 MiB"):
        load("default", environment(tmp_path))


def test_a_relative_directory_of_authorities_counts_from_the_callers_directory(tmp_path: Path) -> None:
    write(tmp_path / "cas/one.pem", "")
    settings = load("default", environment(tmp_path))
    variables = environment(tmp_path, X509_CERT_DIR="cas")
    assert settings.context(variables, str(tmp_path)).ca == str(tmp_path / "cas")
    other = settings.context(variables, str(tmp_path / "cas"))
    assert other.ca_note == "X509_CERT_DIR is not used: cas does not exist"


def test_a_key_in_the_variable_of_authorities_is_never_shown(tmp_path: Path) -> None:
    secret = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ"
    context = load("default", environment(tmp_path)).context(environment(tmp_path, X509_CERT_DIR=secret), "/home")
    assert "does not exist" in context.ca_note
    assert secret not in context.ca_note


def test_the_level_of_the_log_must_be_a_known_one(tmp_path: Path) -> None:
    write(tmp_path / ".config/aliend/config.toml", '[log]\nlevel = "loud"\n')
    with pytest.raises(ConfigurationError, match="must be one of debug, info"):
        load("default", environment(tmp_path))
    write(tmp_path / ".config/aliend/config.toml", '[log]\nlevel = "debug"\nformat = "json"\n')
    assert load("default", environment(tmp_path)).log.level == "debug"
