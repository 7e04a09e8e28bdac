import type { ServiceSection } from '../../shared/service/definition.ts';

/** Bodies of the control socket: JSON, one object a response. */

/** GET /version */
export interface VersionView {
  readonly name: string;
  readonly version: string;
  readonly slipwayVersion: string;
  readonly kernelRelease: string;
  readonly arch: string;
  readonly nodeVersion: string;
}

/** One item of GET /services. */
export interface ServiceView {
  readonly name: string;
  readonly section: ServiceSection;
  readonly image: string;
  /** `waiting`, `starting`, `up`, `done`, `failed`, `restarting`, `stopped`; `pending` for onshutdown. */
  readonly status: string;
  /** Why, in a few words: what it waits for, why it failed. */
  readonly detail: string;
  /** What it waits for, one item each: services, conditions, or the sign that it is up. */
  readonly waitsFor: readonly string[];
  /** 0 while it does not run. */
  readonly pid: number;
  readonly restarts: number;
  /** Seconds of uptime. */
  readonly startedAt?: number;
  readonly upAt?: number;
}

/** GET /services/NAME, and the answer to POST /services/NAME/start, stop and restart. */
export interface ServiceDetails extends ServiceView {
  /** 64 hexadecimal digits; absent while there is no container. */
  readonly containerId?: string;
  /** Of its last end, while it does not run. */
  readonly exitCode?: number;
  readonly after: readonly string[];
  readonly before: readonly string[];
  readonly pod?: string;
  /** What must be seen of it for it to count as up. */
  readonly upWhen: string;
  readonly restart: string;
  readonly onFailure: string;
  readonly timeoutMs: number;
  /** Absent: the image's own, else SIGTERM. */
  readonly stopSignal?: string;
  readonly stopGraceMs: number;
}

/** A line of GET /services/NAME/logs?follow=1&tail=N: JSON, one a line. */
export interface LogRecord {
  readonly stream: 'stdout' | 'stderr';
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly text: string;
  /** The line goes on in the next record. */
  readonly partial?: boolean;
}

/** GET /boot */
export interface BootView {
  /** Steps of the scripts before system-docker. */
  readonly early: readonly { readonly name: string; readonly endedAt: number }[];
  /** Optional file systems that the early script could not use. */
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  readonly phases: readonly {
    readonly name: string;
    readonly startedAt: number;
    readonly endedAt?: number;
    readonly detail?: string;
  }[];
  readonly services: readonly {
    readonly name: string;
    readonly startedAt?: number;
    readonly upAt?: number;
  }[];
  /** Uptime at each start of system-docker in this boot. */
  readonly lives: readonly number[];
  /** Once it has been printed. */
  readonly readyLine?: string;
  readonly uptime: number;
}

/** POST /power */
export interface PowerRequest {
  readonly action: 'poweroff' | 'reboot' | 'halt';
}

/** Answer to POST /power: what the machine goes down for, which an earlier request may have decided. */
export interface PowerView {
  readonly action: string;
}

/** Any answer of 400 and up. */
export interface ErrorView {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}
