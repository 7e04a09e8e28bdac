#!/bin/sh
# PID 1 of the node floor, in the same root file system: starts the machine's own Node with an empty HTTP server.
export PATH=/usr/sbin:/usr/bin
loader=$(echo /usr/lib/slipway/runtime/lib/ld-linux-*)
runtime=/usr/lib/slipway/runtime
env -i PATH=$PATH "$loader" --library-path $runtime/lib $runtime/node --disable-sigusr1 /run/bench/node-floor.mjs /run/bench/node.sock &
until [ -S /run/bench/node.sock ]; do usleep 10000; done
read -r up _ </proc/uptime && echo "[node-floor] uptime=${up}s" >/dev/console
sleep 1
dmesg -n 1 # a message of the kernel's would cut the line in two
echo "[memory] $(grep -E '^(MemTotal|MemFree|MemAvailable|Buffers|Cached|Shmem|SReclaimable):' /proc/meminfo | tr -s ' \n' ' ')end" >/dev/console
# Whoever watches ends the machine.
sleep 3600
