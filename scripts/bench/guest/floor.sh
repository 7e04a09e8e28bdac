#!/bin/sh
# /init of the floor: what this kernel and this initrd need before anything of Slipway runs.
export PATH=/usr/sbin:/usr/bin
/bin/busybox mount -t proc proc /proc
read -r up _ </proc/uptime && echo "[floor] uptime=${up}s"
# The machine frees its initrd too, when it changes its root.
rm -rf /usr/lib /usr/lib64 /slipway
sleep 1
dmesg -n 1 # a message of the kernel's would cut the line in two
echo "[memory] $(grep -E '^(MemTotal|MemFree|MemAvailable|Buffers|Cached|Shmem|SReclaimable):' /proc/meminfo | tr -s ' \n' ' ')end"
# Whoever watches ends the machine.
sleep 3600
