#!/bin/sh
# Beside the machine: says when system-docker listens and, with bench.measure on the kernel line, measures it at rest.
export PATH=/usr/sbin:/usr/bin
until [ -S /run/system-docker.sock ]; do usleep 10000; done
read -r up _ </proc/uptime && echo "[listening] uptime=${up}s" >/dev/console
grep -q bench.measure /proc/cmdline || exit 0

until grep -q '"readyLine"' /run/slipway/boot.json 2>/dev/null; do sleep 1; done
# Modules, host keys and time servers are still busy for a while.
sleep 20
dmesg -n 1 # a message of the kernel's would cut the line in two
echo "[memory] $(grep -E '^(MemTotal|MemFree|MemAvailable|Buffers|Cached|Shmem|SReclaimable):' /proc/meminfo | tr -s ' \n' ' ')end" >/dev/console

pid=$(cat /run/slipway/system-docker.pid)
switches() { cat /proc/$pid/task/*/status | awk '/^voluntary_ctxt_switches/ { sum += $2 } END { print sum }'; }
anon() { awk '/^RssAnon/ { print $2 }' "/proc/$1/status" 2>/dev/null; }
before=$(switches)
sleep 10
monitors=0 count=0
for monitor in $(pidof conmon); do
  monitors=$((monitors + $(anon $monitor))) count=$((count + 1))
done
echo "[supervisor] anonKb=$(anon $pid) wakeUps=$(($(switches) - before)) monitorsKb=$monitors monitors=$count end" >/dev/console

loader=$(echo /usr/lib/slipway/runtime/lib/ld-linux-*)
runtime=/usr/lib/slipway/runtime
env -i PATH=$PATH "$loader" --library-path $runtime/lib $runtime/node --disable-sigusr1 /run/bench/recovery.mjs "$loader" >/dev/console 2>&1
