"""Certificates: what a server shows, and new ones to replace it."""

import socket
import ssl
import subprocess

from server import HOST

SECONDS = 20


def shown_certificate(port):
    """The certificate that a TLS port shows, as DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((HOST, port), timeout=SECONDS) as plain:
        with context.wrap_socket(plain) as secure:
            return secure.getpeercert(binary_form=True)


def save_certificate(port, path):
    """Writes the certificate of a port as PEM, for clients that trust exactly it."""
    with open(path, "w", encoding="ascii") as file:
        file.write(ssl.DER_cert_to_PEM_cert(shown_certificate(port)))
    return path


def make_certificate(name, certificate, key):
    """A fresh self-signed certificate and its key as PEM files."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "30", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
         "-addext", "basicConstraints=critical,CA:FALSE",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS,
    )
