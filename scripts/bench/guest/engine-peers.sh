#!/bin/sh
# Docker's daemon beside a containerd of its own, as Debian runs them, in the mount namespace of the service `peers`. A
# daemon that was killed is started again at once, and its containers go on meanwhile; systemd would wait for two seconds.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
# Its shims say a lot at their start.
exec >/run/peers/log 2>&1
containerd --root /var/lib/docker/containerd --log-level error &
until [ -S /run/containerd/containerd.sock ]; do sleep 0.1; done
while :; do
  dockerd --host unix:///run/peers/docker.sock --exec-opt native.cgroupdriver=cgroupfs --live-restore \
    --containerd /run/containerd/containerd.sock --log-level error
done
