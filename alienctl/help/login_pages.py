"""The help of the commands that log in and out: login, logout, cert-import."""

from alienctl.help.page import Page

PAGES = {
    "login": Page(
        "login",
        "log in to the grid: find or import your certificate, check it, and get a token",
        "It looks for a .p12 or .pfx file, and for usercert.pem with userkey.pem, in ~/.globus, your download\n"
        "directory, your home and the current directory, and imports the one that you choose (see cert-import). It\n"
        "checks the certificate, its key, the authorities and the clock, and says what is missing. At the end it\n"
        "prints who you are, until when, and where the token is. Without a terminal it asks nothing, and fails\n"
        "where it would have to ask. With a valid token it only prints who you are.\n"
        "    alienctl login",
    ),
    "logout": Page(
        "logout",
        "remove your token, and have the daemon forget the keys that you unlocked",
        "The certificate and its key in ~/.globus stay. In the shell, in a chain, or with a status, logout means\n"
        "exit, as in alien.py.\n"
        "    alienctl logout",
    ),
    "cert-import": Page(
        "cert-import [--no-passphrase] FILE",
        "make ~/.globus/usercert.pem and userkey.pem of a .p12 or .pfx file",
        "It asks for the pass phrase of FILE, and for a new one for the key. ALIEND_ASKPASS names a program that\n"
        "prints them instead. Files that are there are replaced only if you agree, and are kept with the date behind\n"
        "their names. X509_USER_CERT and X509_USER_KEY name other places.\n\n"
        "  --no-passphrase   write the key without a pass phrase: only the mode of its file protects it\n"
        "    alienctl cert-import ~/Downloads/mycert.p12",
    ),
}
