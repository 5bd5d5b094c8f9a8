"""Carries IP packets between two TUN devices, each in a network namespace of its own, later and with some lost.

relay.py NAMESPACE ADDRESS NAMESPACE ADDRESS ONE_WAY_MS LOSS_PERCENT

Says a line when the way is open. Loss is drawn from a fixed seed.
"""

import ctypes
import fcntl
import heapq
import os
import random
import selectors
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
PACKET_BYTES_MAX = 65536
# On their way at once, at most: far more than a browser's sockets send in the longest delay.
PACKETS_MAX = 10_000


def tun(namespace, address, other):
    """A TUN device in `namespace`, up, with a route to `other`."""
    with open(f"/var/run/netns/{namespace}", "rb") as space:
        setns(space.fileno())
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"way", IFF_TUN | IFF_NO_PI))
    for command in (["addr", "add", f"{address}/32", "peer", other, "dev", "way"], ["link", "set", "way", "up"]):
        subprocess.run(["ip", *command], check=True)
    return device


def setns(descriptor):
    """Moves this program into a namespace. Python has a call of its own only from 3.12 on."""
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def main():
    first, first_address, second, second_address, one_way_ms, loss_percent = sys.argv[1:]
    ends = [tun(first, first_address, second_address), tun(second, second_address, first_address)]
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    delay, loss, chance = float(one_way_ms) / 1000, float(loss_percent) / 100, random.Random(7)
    selector = selectors.DefaultSelector()
    for end in ends:
        selector.register(end, selectors.EVENT_READ)
    underway, count = [], 0
    print("open", flush=True)
    while True:
        wait = max(0.0, underway[0][0] - time.monotonic()) if underway else None
        for key, _ in selector.select(wait):
            packet = os.read(key.fd, PACKET_BYTES_MAX)
            if chance.random() >= loss and len(underway) < PACKETS_MAX:
                heapq.heappush(underway, (time.monotonic() + delay, count, other[key.fd], packet))
                count += 1
        while underway and underway[0][0] <= time.monotonic():
            _, _, end, packet = heapq.heappop(underway)
            os.write(end, packet)


main()
