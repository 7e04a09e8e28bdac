import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** At most this much in the file, and as much in the one before it. */
const MAX_BYTES = 256 * 1024;

/**
 * Where system-docker's own log lines go: a file in RAM, kept across its lives, bounded by moving it aside once.
 * Never throws: a full RAM disk must not end the supervisor.
 */
export function createLogFile(file: string): (line: string) => void {
  let sizeBytes = -1;
  return line => {
    try {
      if (sizeBytes < 0) {
        mkdirSync(dirname(file), { recursive: true });
        sizeBytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      }
      if (sizeBytes > MAX_BYTES) {
        renameSync(file, `${file}.1`);
        sizeBytes = 0;
      }
      appendFileSync(file, line, { mode: 0o600 });
      sizeBytes += Buffer.byteLength(line);
    } catch {
      // There is nowhere else to say it; the file is looked at anew for the next line.
      sizeBytes = -1;
    }
  };
}
