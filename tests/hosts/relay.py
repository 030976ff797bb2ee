"""Copies one connection of a guest, which QEMU hands over as standard input, to a port of this machine's loopback."""

import socket
import sys
import threading


def copy(source: socket.socket, target: socket.socket) -> None:
    """Copy until one of them ends."""
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()


guest = socket.socket(fileno=0)
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as server:
    back = threading.Thread(target=copy, args=(server, guest))
    back.start()
    copy(guest, server)
    back.join()
