#!/bin/sh
# Beside the machine: says when system-docker listens. With bench.measure on the kernel line it measures it at rest,
# with bench.engine beside other engines.
export PATH=/usr/sbin:/usr/bin
until [ -S /run/system-docker.sock ]; do usleep 10000; done
read -r up _ </proc/uptime && echo "[listening] uptime=${up}s" >/dev/console
grep -qE 'bench\.(measure|engine)' /proc/cmdline || exit 0

loader=$(echo /usr/lib/slipway/runtime/lib/ld-linux-*)
runtime=/usr/lib/slipway/runtime
# run_node PROGRAM: with the machine's own Node; it is told how programs of that runtime are started.
run_node() {
  env -i PATH=$PATH "$loader" --library-path $runtime/lib $runtime/node --disable-sigusr1 "$1" "$loader" >/dev/console 2>&1
}
until grep -q '"readyLine"' /run/slipway/boot.json 2>/dev/null; do sleep 1; done
# Modules, host keys and time servers are still busy for a while.
sleep 20
dmesg -n 1 # a message of the kernel's would cut the line in two
if grep -q bench.engine /proc/cmdline; then
  run_node /run/bench/engine.mjs
  exit
fi
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

run_node /run/bench/recovery.mjs
