import { stat } from 'node:fs/promises';
import { get } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ToolError, assertNever } from '../../shared/errors.ts';
import type { Readiness } from '../../shared/service/definition.ts';
import type { EngineClient } from '../engine-client/engine-client.ts';

const PROBE_TIMEOUT_MS = 5000;

/**
 * Waits until a service counts as up; rejects with the signal's reason when that is aborted. A probe that fails is
 * asked again after its interval, whatever the failure. Ports and URLs are reached from the machine's own network
 * namespace, files looked up in the container's file system.
 */
export async function waitUntilReady(
  engine: EngineClient,
  name: string,
  readiness: Readiness,
  signal: AbortSignal,
): Promise<void> {
  switch (readiness.kind) {
    case 'exec':
      return poll(readiness.intervalMs, signal, () => probeExec(engine, name, readiness.command));
    case 'tcp':
      return poll(readiness.intervalMs, signal, () => probeTcp(readiness.host, readiness.port, signal));
    case 'file':
      return poll(readiness.intervalMs, signal, () => probeFile(engine, name, readiness.path));
    case 'http':
      return poll(readiness.intervalMs, signal, () => probeHttp(readiness.url, signal));
    case 'log':
      return waitForLog(engine, name, new RegExp(readiness.pattern), signal);
    case 'notify':
      throw new ToolError(`service ${name}: readiness by sd_notify is not supported yet`, {
        code: 'READY_NOTIFY_UNSUPPORTED',
        kind: 'unsupported',
        hint: 'use exec, tcp, file, http or log',
      });
    default:
      return assertNever(readiness);
  }
}

/** What a service that is not up yet is waited for, for a person. */
export function formatReadiness(readiness: Readiness | undefined): string {
  switch (readiness?.kind) {
    case undefined:
      return 'its process';
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

async function probeFile(engine: EngineClient, name: string, path: string): Promise<boolean> {
  try {
    const { pid } = await engine.inspect(name);
    if (pid === 0) return false;
    // Links are followed as the container's own root; only whether something is there is looked at.
    await stat(`/proc/${pid}/root${path}`);
    return true;
  } catch {
    // Not there, or the container is being restarted: asked again.
    return false;
  }
}

/** Any answer below 400 counts; redirects are not followed. */
function probeHttp(url: string, signal: AbortSignal): Promise<boolean> {
  return new Promise(resolve => {
    const request = get(url, { signal, timeout: PROBE_TIMEOUT_MS, agent: false }, response => {
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
