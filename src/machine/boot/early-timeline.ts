import { readFileSync } from 'node:fs';
import { isSystemError } from '../../shared/errors.ts';

/** A step of the scripts before system-docker, and when it was done, in seconds of uptime. */
export interface EarlyStep {
  readonly name: string;
  readonly endedAt: number;
}

/** Reads the lines `NAME UPTIME_SECONDS` that the scripts leave; lines that are no such are left out. */
export function parseEarlyTimeline(text: string): EarlyStep[] {
  return text.split('\n').flatMap(line => {
    const [, name, seconds] = /^([a-z0-9-]+) (\d+(?:\.\d+)?)$/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, endedAt: Number(seconds) }];
  });
}

/** The early timeline of this boot; empty where there is none. */
export function loadEarlyTimeline(file: string): EarlyStep[] {
  return parseEarlyTimeline(readLines(file));
}

/** An optional file system that the early script could not use, and why. */
export interface FailedFileSystem {
  readonly name: string;
  readonly reason: string;
}

/** Reads the lines `NAME REASON` that the early script leaves. */
export function parseFailedFileSystems(text: string): FailedFileSystem[] {
  return text.split('\n').flatMap(line => {
    const [, name, reason] = /^(\S+) (.+)$/.exec(line) ?? [];
    return name === undefined || reason === undefined ? [] : [{ name, reason }];
  });
}

/** The file systems that this boot goes without; usually none. */
export function loadFailedFileSystems(file: string): FailedFileSystem[] {
  return parseFailedFileSystems(readLines(file));
}

function readLines(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return '';
    throw error;
  }
}
