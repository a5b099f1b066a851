"""Ports for servers that are started, killed and started again on this machine."""

import pathlib
import random
import socket

FIRST = 10000
EPHEMERAL = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
given = set()  # by this process


def port_is_free(port):
    """Whether a server could listen on the port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_port():
    """A free port that no outgoing connection takes before its server listens.

    Port 0 would give one of those that the kernel also gives to outgoing connections: any client
    that connects meanwhile can get it. So it is one below them; at random, so that others who
    choose at the same time hardly choose the same. A process never gets the same twice: what it was
    given may not be listened to yet.
    """
    end = int(EPHEMERAL.read_text().split()[0])
    if end <= FIRST:
        raise OSError(f"{EPHEMERAL} begins at {end}: no port above {FIRST} is left for servers")
    while True:
        port = random.randrange(FIRST, end)
        if port not in given and port_is_free(port):
            given.add(port)
            return port
