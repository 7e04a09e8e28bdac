import { formatBytes, formatDuration, stripControls } from './format.ts';
import type { Reporter, ReportTarget } from './reporter.ts';

/** One line when a step ends: for logs, pipes and CI. Downloads are told once, when the last byte is there. */
export function createPlainReporter(target: ReportTarget): Reporter {
  let fetchStartedMs = 0;
  let fetchedBytes = 0;
  let closed = false;
  return {
    emit(event) {
      if (closed) return;
      const line = (text: string): void => target.write(`${stripControls(text)}\n`);
      switch (event.type) {
        case 'stage-start':
          if (event.stage === 'fetch') fetchStartedMs = target.now();
          line(`${event.stage} ...`);
          break;
        case 'stage-end':
          if (fetchedBytes > 0 && event.stage === 'fetch') {
            const ms = Math.max(1, target.now() - fetchStartedMs);
            line(`fetch: ${formatBytes(fetchedBytes)} at ${formatBytes((fetchedBytes * 1000) / ms)}/s`);
            fetchedBytes = 0;
          }
          line(`${event.stage}: ${event.cached ? 'unchanged' : 'done'}, ${formatDuration(event.durationMs)}`);
          break;
        case 'step-start':
          break;
        case 'step-end':
          line(
            `${event.stage}: ${event.step}, ${event.cached ? 'from the store' : formatDuration(event.durationMs)}`,
          );
          break;
        case 'fetch-progress':
          fetchedBytes = event.receivedBytes;
          break;
        case 'warning':
          line(`warning: ${event.message}`);
          if (event.hint) line(`  hint: ${event.hint}`);
          break;
        case 'note':
          line(event.message);
          break;
      }
    },
    close() {
      closed = true;
    },
  };
}
