import { get as getHttp } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNever } from '../../shared/errors.ts';
import { nodeHttps } from '../../shared/node-https.ts';
import type { Readiness, ServiceDefinition } from '../../shared/service/definition.ts';
import type { EngineClient } from '../engine-client/engine-client.ts';
import { existsBelow } from '../host/place.ts';

const PROBE_TIMEOUT_MS = 5000;
/** A service without `ready` counts as up only as long as its lives last this long. */
export const STEADY_MS = 3000;
const STEADY_LOOK_MS = 250;

/** What readiness needs of the machine. */
export interface ReadinessHost {
  /** Receives what the service says on its notify socket; before its container starts, with `fresh`. */
  listen(name: string, fresh: boolean): Promise<void>;
  /** Ends that; no error when nothing listens. */
  unlisten(name: string): Promise<void>;
  /** Resolves once it has said READY=1; rejects with the signal's reason. */
  untilNotified(name: string, signal: AbortSignal): Promise<void>;
  /** Whether a port accepts connections in the network namespace of a process. */
  probePort(pid: number, host: string, port: number): Promise<boolean>;
  /** Whether a URL answers well there. */
  probeUrl(pid: number, url: string): Promise<boolean>;
}

/** The longruns' kinds; a oneshot has no readiness but its exit code. */
export type ProbedReadiness = Exclude<Readiness, { kind: 'exit' }>;

/**
 * Waits until a service counts as up; rejects with the signal's reason when that is aborted. A probe that fails is
 * asked again after its interval, whatever the failure. Ports and URLs are reached from the service's network, files
 * looked up in the container's file system.
 */
export async function waitUntilReady(
  engine: EngineClient,
  host: ReadinessHost,
  { name, net }: Pick<ServiceDefinition, 'name' | 'net'>,
  readiness: ProbedReadiness,
  signal: AbortSignal,
): Promise<void> {
  /** Asks from the machine itself, or in the network namespace of the container's process. */
  const near = (
    outside: () => Promise<boolean>,
    inside: (pid: number) => Promise<boolean>,
  ): (() => Promise<boolean>) =>
    net === 'host' ? outside : async () => withPid(engine, name, pid => inside(pid));
  switch (readiness.kind) {
    case 'exec':
      return poll(readiness.intervalMs, signal, () => probeExec(engine, name, readiness.command));
    case 'tcp': {
      const { host: address, port, intervalMs } = readiness;
      const probe = near(
        () => probeTcp(address, port, signal),
        pid => host.probePort(pid, address, port),
      );
      return poll(intervalMs, signal, probe);
    }
    case 'file':
      return poll(readiness.intervalMs, signal, () =>
        withPid(engine, name, pid => existsBelow(`/proc/${pid}/root`, readiness.path)),
      );
    case 'http': {
      const { url, intervalMs } = readiness;
      const probe = near(
        () => probeHttp(url, signal),
        pid => host.probeUrl(pid, url),
      );
      return poll(intervalMs, signal, probe);
    }
    case 'log':
      return waitForLog(engine, name, new RegExp(readiness.pattern, 'u'), signal);
    case 'notify':
      return host.untilNotified(name, signal);
    default:
      return assertNever(readiness);
  }
}

/** Waits until a service has run for STEADY_MS without a restart; rejects with the signal's reason when that is aborted. */
export async function waitUntilSteady(
  engine: Pick<EngineClient, 'inspect'>,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  let life: { readonly pid: number; readonly sinceMs: number } | undefined;
  for (;;) {
    signal.throwIfAborted();
    const { pid, status } = await engine.inspect(name);
    // Not by when the engine started it: the clock may be set in between.
    const nowMs = performance.now();
    if (status !== 'running' || pid === 0) life = undefined;
    else if (life?.pid !== pid) life = { pid, sinceMs: nowMs };
    else if (nowMs - life.sinceMs >= STEADY_MS) return;
    await sleep(STEADY_LOOK_MS, undefined, { signal });
  }
}

/** What a service that is not up yet is waited for, for a person. */
export function formatReadiness(readiness: Readiness | undefined): string {
  switch (readiness?.kind) {
    case undefined:
      return 'its process to stay up';
    case 'exit':
      return 'its end';
    case 'exec':
      return `"${readiness.command.join(' ')}" to exit with 0`;
    case 'tcp':
      return `port ${readiness.port} on ${readiness.host}`;
    case 'file':
      return `the file ${readiness.path}`;
    case 'http':
      return readiness.url;
    case 'log':
      return `a log line like "${readiness.pattern}"`;
    case 'notify':
      return 'its own message';
  }
}

async function poll(intervalMs: number, signal: AbortSignal, probe: () => Promise<boolean>): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    if (await probe()) return;
    await sleep(Math.max(intervalMs, 20), undefined, { signal });
  }
}

async function probeExec(engine: EngineClient, name: string, command: readonly string[]): Promise<boolean> {
  try {
    return (await engine.exec(name, command, { timeoutMs: PROBE_TIMEOUT_MS })).exitCode === 0;
  } catch {
    // Not running at this moment (restarting), or too slow: asked again.
    return false;
  }
}

/** Asks with the container's process; false while it does not run, and when the question fails. */
async function withPid(
  engine: EngineClient,
  name: string,
  probe: (pid: number) => Promise<boolean>,
): Promise<boolean> {
  try {
    const { pid } = await engine.inspect(name);
    return pid !== 0 && (await probe(pid));
  } catch {
    // The container is being restarted: asked again.
    return false;
  }
}

function probeTcp(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, signal, timeout: PROBE_TIMEOUT_MS });
    const answer = (up: boolean) => () => {
      socket.destroy();
      resolve(up);
    };
    socket.once('connect', answer(true)).once('timeout', answer(false)).once('error', answer(false));
  });
}

/** Any answer below 400 counts; redirects are not followed, certificates not checked: it is about being up. */
function probeHttp(url: string, signal: AbortSignal): Promise<boolean> {
  return new Promise(resolve => {
    const get = url.startsWith('https:') ? nodeHttps().get : getHttp;
    const options = { signal, timeout: PROBE_TIMEOUT_MS, agent: false, rejectUnauthorized: false };
    const request = get(url, options, response => {
      response.destroy();
      resolve((response.statusCode ?? 500) < 400);
    });
    request.once('timeout', () => request.destroy()).once('error', () => resolve(false));
    request.once('close', () => resolve(false));
  });
}

async function waitForLog(
  engine: EngineClient,
  name: string,
  pattern: RegExp,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const lines = { stdout: '', stderr: '' };
    for await (const line of engine.logs(name, { follow: true, signal })) {
      // A long line comes in parts; what a pattern is tried on is bounded.
      const text = (lines[line.stream] + line.text).slice(-16_384);
      if (pattern.test(text)) return;
      lines[line.stream] = line.partial ? text : '';
    }
    // The log ended: the container is being restarted.
    await sleep(100, undefined, { signal });
  }
}
