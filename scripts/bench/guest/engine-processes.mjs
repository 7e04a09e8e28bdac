// What the processes of an engine cost, out of /proc.
import { readFileSync, readdirSync } from 'node:fs';

const read = file => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it has just ended
  }
};
const sum = figures => figures.reduce((total, figure) => total + figure, 0);

/** Process ids of each engine's daemons, and of what stays beside each of its containers. */
export function findProcesses() {
  const found = { ours: [], ourMonitors: [], docker: [], dockerMonitors: [] };
  const supervisor = Number(read('/run/slipway/system-docker.pid'));
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const pid = Number(name);
    const comm = read(`/proc/${pid}/comm`).trim();
    if (pid === supervisor) found.ours.push(pid);
    // podman has a conmon for each container too.
    else if (comm === 'conmon' && read(`/proc/${pid}/cmdline`).includes('/run/system-docker/')) {
      found.ourMonitors.push(pid);
    } else if (comm === 'dockerd' || comm === 'containerd') found.docker.push(pid);
    else if (comm.startsWith('containerd-shim')) found.dockerMonitors.push(pid);
  }
  return found;
}

/** Kilobytes that only these processes have: nothing gives them back. */
export function anonKb(pids) {
  return sum(pids.map(pid => Number(/^RssAnon:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0)));
}

/** Kilobytes with the processes' share of file pages. */
export function pssKb(pids) {
  return sum(pids.map(pid => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)));
}

/** How often the threads of these processes have gone to sleep by themselves, and so were woken. */
export function sleeps(pids) {
  return sum(
    pids.flatMap(pid => {
      try {
        return readdirSync(`/proc/${pid}/task`).map(thread => {
          const status = read(`/proc/${pid}/task/${thread}/status`);
          return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
        });
      } catch {
        return [];
      }
    }),
  );
}

/** Kilobytes that new programs could have. */
export function availableKb() {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(read('/proc/meminfo'))?.[1]);
}
