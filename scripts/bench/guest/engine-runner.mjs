// Runs commands where Docker's client and podman are at home, in the service "peers". Takes a line of JSON for each,
// {argv, env}, and answers one: {ms, code, bytes, said}.
import { spawn } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { performance } from 'node:perf_hooks';

function run({ argv: [file, ...args], env }) {
  return new Promise(resolve => {
    const beganMs = performance.now();
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', ...env },
    });
    let bytes = 0;
    let said = '';
    child.stdout.on('data', piece => (bytes += piece.length));
    child.stderr.on('data', piece => (said = `${said}${piece}`.slice(-500)));
    child.once('error', error => resolve({ ms: 0, code: -1, bytes, said: String(error) }));
    child.once('close', code => resolve({ ms: performance.now() - beganMs, code, bytes, said }));
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...command } = JSON.parse(line);
  void run(command).then(ended => process.stdout.write(`${JSON.stringify({ id, ...ended })}\n`));
}
