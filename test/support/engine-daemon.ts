/**
 * An engine in a process of its own, to be killed by tests. Takes its configuration as JSON in argv;
 * answers one JSON command a line: `{"id":1,"method":"start","args":["web"]}`.
 */
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createEngine } from '../../src/machine/engine/engine.ts';
import { collectWhenQuiet } from '../../src/machine/host/quiet-memory.ts';
import { createLog } from '../../src/machine/log.ts';
import type { EngineConfig } from '../../src/machine/engine/engine-config.ts';
import type { EngineClient } from '../../src/machine/engine-client/engine-client.ts';

interface Command {
  readonly id: number;
  readonly method: Exclude<keyof EngineClient, 'logs' | 'events'>;
  readonly args: readonly unknown[];
}

const { socket, stepsFile, crashAt, ...config } = JSON.parse(process.argv[2] ?? '{}') as Omit<
  EngineConfig,
  'log' | 'onStep'
> & {
  socket: string;
  /** Gets the name of each step, a line each. */
  stepsFile?: string;
  /** Before which step, counted from 0, the process ends without a word. */
  crashAt?: number;
};
let steps = 0;
const onStep = (step: string): void => {
  if (stepsFile !== undefined) appendFileSync(stepsFile, `${step}\n`);
  if (steps++ === crashAt) process.kill(process.pid, 'SIGKILL');
};
const log = createLog({ component: 'test', write: line => process.stderr.write(line), level: 'debug' });
const engine = await createEngine({ ...config, log, onStep });
await engine.listen(socket);
// On a machine it waits longer.
collectWhenQuiet({ quietMs: 1000, apartMs: 1000 });
process.once('SIGTERM', () => {
  void engine[Symbol.asyncDispose]().then(() => process.exit(0));
});
await engine.applySettings();
process.on('SIGHUP', () => void engine.applySettings());
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, args } = JSON.parse(line) as Command;
  const client = engine.client as unknown as Record<
    string,
    (...words: readonly unknown[]) => Promise<unknown>
  >;
  const answer = client[method]?.(...args) ?? Promise.reject(new Error(`no method ${method}`));
  answer.then(
    result => process.stdout.write(`${JSON.stringify({ id, result })}\n`),
    (error: unknown) => {
      const { message, code, kind } = error as { message: string; code?: string; kind?: string };
      process.stdout.write(`${JSON.stringify({ id, error: { message, code, kind } })}\n`);
    },
  );
}
process.exit(0);
