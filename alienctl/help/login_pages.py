"""The help pages of certificates, tokens and login."""

from alienctl.help.page import Page

_CODES = (("0", "success"), ("2", "no such file"), ("22", "invalid arguments"), ("other", "see `alienctl help --man`"))


def _check(name: str, summary: str) -> Page:
    return Page(name, summary, examples=(f"alienctl {name}", f"alienctl {name} --json"), exit_codes=_CODES)


PAGES = {
    "login": Page(
        "login",
        "find or import your certificate, check it, and get a token",
        "Searches ~/.globus, the download directory, the home and the current directory for a .p12 or .pfx file, or"
        " usercert.pem with userkey.pem, and imports the one that you choose (see cert-import). Checks certificate,"
        " key, authorities and clock. Without a terminal it asks nothing and fails if a question is necessary. With a"
        " valid token it only prints who you are.",
        examples=("alienctl login", "ALIEND_ASKPASS=./ask.sh alienctl login"),
        exit_codes=_CODES,
    ),
    "logout": Page(
        "logout",
        "remove your token, and make the daemon forget unlocked keys",
        "Certificate and key in ~/.globus stay. In the shell, in a chain of commands or with a status, logout means"
        " exit, as in alien.py.",
        examples=("alienctl logout", "alienctl logout --json"),
        exit_codes=_CODES,
    ),
    "cert-import": Page(
        "cert-import [--no-passphrase] FILE",
        "convert a .p12 or .pfx file to ~/.globus/usercert.pem and userkey.pem",
        "Asks for the passphrase of FILE and a new one for the key; ALIEND_ASKPASS names a program that prints them."
        " Existing files are replaced only with your consent, and a dated copy is kept. X509_USER_CERT and"
        " X509_USER_KEY set other paths.",
        options=(("--no-passphrase", "write the key unencrypted; only its file mode protects it"),),
        examples=("alienctl cert-import ~/Downloads/mycert.p12", "alienctl cert-import --no-passphrase mycert.pfx"),
        exit_codes=_CODES,
    ),
    "cert-info": _check("cert-info", "print your certificate: subject, issuer, dates (UTC)"),
    "cert-verify": _check("cert-verify", "check that a trusted authority signed your certificate"),
    "certkey-match": _check("certkey-match", "check that your certificate and your key belong together"),
    "token-init": Page(
        "token-init [-v DAYS] [-u ROLE]",
        "get a new token with your certificate",
        "Asks for the passphrase of an encrypted key; ALIEND_ASKPASS names a program that prints it. The daemon keeps"
        " the unlocked key in memory and renews tokens with it.",
        options=(("-v DAYS", "validity of the token"), ("-u ROLE", "account of the token")),
        examples=("alienctl token-init", "alienctl token-init -v 5"),
        exit_codes=_CODES,
    ),
    "token-info": _check("token-info", "print your token: subject, issuer, dates (UTC)"),
    "token-destroy": Page(
        "token-destroy [--forget-keys]",
        "remove your token",
        options=(("--forget-keys", "also make the daemon forget unlocked keys"),),
        examples=("alienctl token-destroy", "alienctl token-destroy --forget-keys"),
        exit_codes=_CODES,
    ),
    "token-verify": _check("token-verify", "check that a trusted authority signed your token"),
    "tokenkey-match": _check("tokenkey-match", "check that your token and its key belong together"),
    "token": Page(
        "token [-v DAYS]",
        "print a new token without storing it",
        options=(("-v DAYS", "validity of the token"),),
        examples=("alienctl token", "alienctl token -v 1"),
        exit_codes=_CODES,
    ),
    "getCAcerts": Page(
        "getCAcerts [-from REPOSITORY] [DIRECTORY]",
        "install the grid's certificate authorities in DIRECTORY/certificates",
        "DIRECTORY defaults to ~/.globus. Without git or network, installs the authorities that ship with aliend.",
        options=(("-from REPOSITORY", "git repository to use instead of that of ALICE"),),
        examples=("alienctl getCAcerts", "alienctl getCAcerts ~/.globus"),
        exit_codes=_CODES,
    ),
    "whoami": Page(
        "whoami [-v]",
        "print your account on the central service",
        options=(("-v", "also print roles and certificate"),),
        examples=("alienctl whoami", "alienctl whoami -v"),
    ),
    "user": Page(
        "user NAME",
        "act as another account for the rest of this session",
        "The working directory and other sessions do not change. ALIEND_ROLE does the same for one command.",
        examples=("alienctl user alitrain", "ALIEND_ROLE=alitrain alienctl whoami"),
    ),
}
