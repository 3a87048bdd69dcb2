"""Which variables name credentials that cannot be used."""

from __future__ import annotations

from pathlib import Path

from aliend.core.connection.context import Context, CredentialFiles
from aliend.core.connection.pem import PemFile, pem_source
from aliend.doctor.credential_variables import unusable_variables, variables_of


def test_a_variable_names_its_file_also_below_the_home() -> None:
    environment = {"HOME": "/home/a", "X509_USER_CERT": "~/c.pem", "X509_USER_KEY": "/home/a/k.pem"}
    assert variables_of(environment, PemFile("/home/a/c.pem")) == ("X509_USER_CERT",)
    assert variables_of(environment, PemFile("/home/a/.globus/usercert.pem", is_default=True)) == ()


def test_variables_of_missing_files_are_named(tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in ("t", "u", "c", "k")]
    context = Context(
        token=CredentialFiles(*map(pem_source, names[:2])), user=CredentialFiles(*map(pem_source, names[2:]))
    )
    environment = {"JALIEN_TOKEN_CERT": names[0], "X509_USER_KEY": names[3]}
    assert unusable_variables(context, environment) == ("JALIEN_TOKEN_CERT", "X509_USER_KEY")
