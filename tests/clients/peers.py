"""Debian's Postfix, Exim and OpenSMTPD, side by side though their packages exclude each other.

Each is unpacked from its package and runs in a mount namespace of its own, where its files lie over `/usr` and
its configuration over `/etc`. What it takes for its domain goes by LMTP to a scripted server, which shows it.
"""

import os
import shutil
import signal
import socket
import subprocess
import time

from scripted import Scripted
from server import Failed, Skipped
from tls import make_certificate

START_SECONDS = 30
LMTP_PORT = 2400
PACKAGES = {
    "postfix": ("postfix",),
    "exim": ("exim4-daemon-light", "exim4-base"),
    "opensmtpd": ("opensmtpd",),
}
USERS = """\
root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
postfix:x:901:901::/nonexistent:/usr/sbin/nologin
Debian-exim:x:902:902::/nonexistent:/usr/sbin/nologin
opensmtpd:x:903:903::/nonexistent:/usr/sbin/nologin
opensmtpq:x:904:904::/nonexistent:/usr/sbin/nologin
"""
GROUPS = """\
root:x:0:
tty:x:5:
mail:x:8:
nogroup:x:65534:
postfix:x:901:
Debian-exim:x:902:
opensmtpd:x:903:
opensmtpq:x:904:
postdrop:x:905:
"""
ENTER = """\
set -e
mount -t overlay overlay -o lowerdir="$UNPACKED":/usr /usr
mount -t overlay overlay -o lowerdir="$ETC":/etc /etc
mount -t tmpfs tmpfs /var/spool
mount -t tmpfs tmpfs /var/lib
mkdir -p /var/spool/smtpd /var/lib/opensmtpd/empty /var/spool/exim4 /var/spool/postfix /var/lib/postfix
chmod 711 /var/spool/smtpd
chown Debian-exim /var/spool/exim4
chown postfix /var/lib/postfix
exec "$@"
"""
POSTFIX = """\
compatibility_level = 3.6
maillog_file = {place}/postfix.log
maillog_file_prefixes = {place}
myhostname = mx.{domain}
mydestination =
mynetworks = {host}/32
inet_interfaces = {host}
inet_protocols = ipv4
smtp_bind_address = {host}
alias_maps =
alias_database =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = inline:{{bob@{domain}=x}}
virtual_alias_maps = inline:{{round@{domain}=round@a.test}}
virtual_transport = lmtp:inet:{host}:{lmtp}
lmtp_bind_address = {host}
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
smtp_dns_support_level = dnssec
smtp_tls_security_level = dane
smtp_tls_loglevel = 1
"""
MASTER = """\
smtp inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
EXIM = """\
primary_hostname = mx.{domain}
log_file_path = {place}/exim-%s.log
domainlist local_domains = {domain}
local_interfaces = {host}
daemon_smtp_ports = 25
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
rfc1413_query_timeout = 0s
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  accept domains = +local_domains
  accept hosts = {host}
  deny
begin routers
out:
  driver = dnslookup
  domains = ! +local_domains
  dnssec_request_domains = *
  transport = out
  no_more
in:
  driver = manualroute
  route_list = * {host}
  self = send
  transport = in
begin transports
out:
  driver = smtp
  interface = {host}
  hosts_try_dane = *
in:
  driver = smtp
  protocol = lmtp
  port = {lmtp}
  allow_localhost
  hosts_avoid_tls = *
begin retry
* * F,1h,1s
"""
# Without encryption on its side: in Debian 12 it fails every handshake with any kind of key and any client.
OPENSMTPD = """\
table users {{ "bob@{domain}" = "nobody" }}
listen on {host} port 25 hostname "mx.{domain}"
action "in" lmtp "{host}:{lmtp}" rcpt-to virtual <users>
action "out" relay src {host} helo "mx.{domain}"
match from any for domain "{domain}" action "in"
match from src {host} for any action "out"
"""


class Peer:
    """One of them, for a domain of its own; `letters` holds what came for it: sender, recipients, bytes."""

    def __init__(self, kind, world, place, host, domain):
        self.kind, self.host, self.domain = kind, host, domain
        self.place = os.path.join(place, kind)
        self.unpacked = [unpacked(world.cache, package) for package in PACKAGES[kind]]
        self.etc = os.path.join(self.place, "etc")
        os.makedirs(self.etc)
        self.certificate, self.key = self.place + "/mx.pem", self.place + "/mx.key"
        make_certificate("mx." + domain, self.certificate, self.key)
        self.inner = Scripted(host, LMTP_PORT, lmtp=True)
        self._configure()
        self.process = None

    @property
    def letters(self):
        """What has come."""
        return self.inner.letters

    def start(self, names):
        """Starts it and waits until it greets."""
        self._write("resolv.conf", f"nameserver {names}\noptions trust-ad edns0 timeout:2\n")
        command = {
            "postfix": ["postfix", "start-fg"],
            "exim": ["exim4", "-bdf", "-q5s"],
            "opensmtpd": ["/usr/sbin/smtpd", "-d"],
        }[self.kind]
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "ETC": self.etc, "UNPACKED": ":".join(self.unpacked),
        }
        with open(self.place + "/out.log", "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh", *command],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while not greets(self.host):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{self.kind} does not start: {self.told()}")
            time.sleep(0.1)
        return self

    def close(self):
        """Ends it with all its processes."""
        self.inner.close()
        if self.process is not None:
            # The first process of its namespace takes all others with it; one that is setuid does not end with unshare.
            path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
            with open(path, encoding="ascii") as children:
                for child in children.read().split():
                    os.kill(int(child), signal.SIGKILL)
            self.process.kill()
            self.process.wait()

    def told(self, whole=False):
        """What it wrote, or the end of it."""
        told = ""
        for name in sorted(os.listdir(self.place)):
            if name.endswith(".log"):
                with open(os.path.join(self.place, name), encoding="utf-8", errors="replace") as file:
                    told += file.read() if whole else file.read()[-3000:]
        return told

    def _configure(self):
        values = {
            "place": self.place, "domain": self.domain, "host": self.host, "lmtp": LMTP_PORT,
            "certificate": self.certificate, "key": self.key,
        }
        self._write("passwd", USERS)
        self._write("group", GROUPS)
        self._write("hosts", "127.0.0.1 localhost\n")
        self._write("mailname", f"mx.{self.domain}\n")
        self._write("postfix/main.cf", POSTFIX.format(**values))
        self._write("postfix/master.cf", MASTER)
        self._write("exim4/exim4.conf", EXIM.format(**values))
        self._write("smtpd.conf", OPENSMTPD.format(**values))
        if self.kind == "postfix":
            for name in ("dynamicmaps.cf", "postfix-files"):
                given = os.path.join(os.path.dirname(self.unpacked[0]), "etc/postfix", name)
                if os.path.exists(given):
                    shutil.copy(given, os.path.join(self.etc, "postfix", name))
        if self.kind == "exim":  # It opens its log and key as its own user.
            os.chown(self.place, 902, 902)
            os.chown(self.key, 902, 902)
            open_the_way(self.place)

    def _write(self, name, text):
        path = os.path.join(self.etc, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)


def open_the_way(path):
    """Lets other users pass through the folders above a temporary one."""
    while (path := os.path.dirname(path)) and path not in ("/", "/tmp") and os.stat(path).st_uid == 0:
        os.chmod(path, os.stat(path).st_mode | 0o111)


def greets(host):
    """True once a mail server answers there."""
    try:
        with socket.create_connection((host, 25), timeout=2) as peer:
            return peer.recv(100).startswith(b"220")
    except OSError:
        return False


def peers_unpacked(world):
    """Brings all of them into the cache."""
    for packages in PACKAGES.values():
        for package in packages:
            unpacked(world.cache, package)


def unpacked(cache, package):
    """The folder `usr` of a package of Debian, fetched once into the cache."""
    folder = os.path.join(cache, "debian", package)
    if not os.path.isdir(folder):
        fetch(cache, package, folder)
    missing = [program for program in programs(folder) if lacks(program)]
    if missing:
        raise Skipped(f"libraries are missing for {', '.join(missing)}")
    return os.path.join(folder, "usr")


def fetch(cache, package, folder):
    """Downloads and unpacks a package; Skipped where there is no Debian to ask."""
    store = os.path.join(cache, "debian", "packages")
    os.makedirs(store, exist_ok=True)
    try:
        done = subprocess.run(["apt-get", "download", package], cwd=store, capture_output=True, text=True,
                              timeout=120, check=False)
        found = [name for name in os.listdir(store) if name.startswith(package + "_")]
        if done.returncode or not found:
            raise Skipped(f"{package} can't be fetched: {done.stderr.strip()[-200:]}")
        subprocess.run(["dpkg-deb", "-x", os.path.join(store, found[0]), folder + ".part"], check=True)
        os.rename(folder + ".part", folder)
    except (OSError, subprocess.SubprocessError) as fault:
        raise Skipped(f"{package} can't be fetched: {fault}") from fault


def programs(folder):
    """What is run of a package."""
    names = ("usr/sbin/smtpd", "usr/sbin/exim4")
    return [path for name in names if os.path.exists(path := os.path.join(folder, name))]


def lacks(program):
    """True if a library of a program is not on this machine."""
    told = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=20, check=False).stdout
    return "not found" in told
