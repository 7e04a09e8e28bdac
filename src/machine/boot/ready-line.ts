/** What the ready line says. */
export interface ReadyReport {
  readonly name: string;
  readonly version: string;
  /** Services that are up or have exited with 0. */
  readonly up: number;
  readonly total: number;
  /** Names, in the order of the manifest. */
  readonly failed: readonly string[];
  /** Seconds since the kernel started. */
  readonly uptime: number;
}

/**
 * The line that says that the boot is over; an interface (design 2.4). `failed=` is empty when nothing failed.
 */
export function formatReadyLine(report: ReadyReport): string {
  const { name, version, up, total, failed, uptime } = report;
  return `[ready] ${name} ${version} services=${up}/${total} failed=${failed.join(',')} uptime=${uptime.toFixed(2)}s`;
}
